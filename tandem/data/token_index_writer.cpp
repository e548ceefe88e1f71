// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/token_index_writer.h"

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/data/index_layout.h"

namespace tandem::data {
namespace {

template <class T>
void append(std::vector<char>& bytes, T value) {
  const size_t size = bytes.size();
  bytes.resize(size + sizeof value);
  std::memcpy(bytes.data() + size, &value, sizeof value);
}

template <class T>
void append_token(std::vector<char>& bytes, int32_t id) {
  if (!std::in_range<T>(id)) throw InputError("token id {} does not fit {} bytes a token", id, sizeof(T));
  append(bytes, static_cast<T>(id));
}

void append_token(std::vector<char>& bytes, TokenType type, int32_t id) {
  switch (type) {
    case TokenType::kU8:
      return append_token<uint8_t>(bytes, id);
    case TokenType::kI8:
      return append_token<int8_t>(bytes, id);
    case TokenType::kI16:
      return append_token<int16_t>(bytes, id);
    case TokenType::kI32:
      return append_token<int32_t>(bytes, id);
    case TokenType::kI64:
      return append_token<int64_t>(bytes, id);
    case TokenType::kU16:
      return append_token<uint16_t>(bytes, id);
  }
}

void write(std::ofstream& file, const std::vector<char>& bytes, const std::string& path) {
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw EnvironmentError("cannot write {}: {}; is the disk full?", path, std::strerror(errno));
}

std::ofstream create(const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) throw EnvironmentError("cannot create {}: {}", path, std::strerror(errno));
  return file;
}

}  // namespace

TokenIndexWriter::TokenIndexWriter(IndexPaths paths, TokenType type)
    : paths_(std::move(paths)), type_(type), bin_(create(paths_.bin)) {}

void TokenIndexWriter::add_sequence(std::span<const int32_t> ids) {
  TANDEM_CHECK(ids.size() <= std::numeric_limits<int32_t>::max(), "{} tokens in a sequence", ids.size());
  buffer_.clear();
  for (const int32_t id : ids) append_token(buffer_, type_, id);
  write(bin_, buffer_, paths_.bin);
  lengths_.push_back(static_cast<int32_t>(ids.size()));
  tokens_ += ids.size();
}

void TokenIndexWriter::end_document() { documents_.push_back(static_cast<int64_t>(lengths_.size())); }

void TokenIndexWriter::finish() {
  TANDEM_CHECK(documents_.back() == static_cast<int64_t>(lengths_.size()), "a document was not ended");
  bin_.close();
  if (!bin_) throw EnvironmentError("cannot write {}: {}", paths_.bin, std::strerror(errno));
  write_index();
}

void TokenIndexWriter::write_index() {
  std::vector<char> bytes(kIndexMagic.begin(), kIndexMagic.end());
  append(bytes, kIndexVersion);
  append(bytes, static_cast<uint8_t>(type_));
  append(bytes, uint64_t{lengths_.size()});
  append(bytes, uint64_t{documents_.size()});
  for (const int32_t length : lengths_) append(bytes, length);
  int64_t offset = 0;
  for (const int32_t length : lengths_) {
    append(bytes, offset);
    offset += length * token_bytes(type_);
  }
  for (const int64_t first : documents_) append(bytes, first);
  std::ofstream file = create(paths_.idx);
  write(file, bytes, paths_.idx);
  file.close();
  if (!file) throw EnvironmentError("cannot write {}: {}", paths_.idx, std::strerror(errno));
}

}  // namespace tandem::data
