// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/tokenizer.h"

#include <fstream>
#include <iterator>
#include <utility>

#include <sentencepiece_processor.h>

#include "tandem/base/content_hash.h"
#include "tandem/base/error.h"
#include "tandem/data/mapped_file.h"

namespace tandem::data {
namespace {

using sentencepiece::SentencePieceProcessor;

int32_t piece_id(const SentencePieceProcessor& processor, const std::string& piece) {
  const int id = processor.PieceToId(piece);
  return processor.IsUnknown(id) ? -1 : id;
}

// T5's own tools name the piece with a leading ▁.
int32_t sentinel_id(const SentencePieceProcessor& processor, int32_t k) {
  const std::string name = fmt::format("<extra_id_{}>", k);
  const int32_t id = piece_id(processor, name);
  return id >= 0 ? id : piece_id(processor, "\xE2\x96\x81" + name);
}

SpecialIds ids_of(const SentencePieceProcessor& processor, const std::string& name) {
  SpecialIds ids{.vocabulary = processor.GetPieceSize(),
                 .pad = processor.pad_id(),
                 .eos = processor.eos_id(),
                 .unk = processor.unk_id()};
  if (ids.pad < 0 || ids.eos < 0)
    throw InputError("{} has no pad or no eos piece; train one with `tandem data tokenizer`", name);
  ids.first_sentinel = sentinel_id(processor, 0);
  if (ids.first_sentinel < 0) return ids;
  while (sentinel_id(processor, ids.sentinel_count) == ids.first_sentinel - ids.sentinel_count)
    ++ids.sentinel_count;
  return ids;
}

}  // namespace

Tokenizer Tokenizer::load(const std::string& path) {
  const MappedFile file(path);
  return from_model(std::string(reinterpret_cast<const char*>(file.data()), file.size()), path);
}

Tokenizer Tokenizer::from_model(std::string model, const std::string& name) {
  auto processor = std::make_shared<SentencePieceProcessor>();
  if (const auto status = processor->LoadFromSerializedProto(model); !status.ok())
    throw InputError("{} is no SentencePiece model; train one with `tandem data tokenizer`", name);
  Tokenizer tokenizer;
  tokenizer.ids_ = ids_of(*processor, name);
  tokenizer.hash_ = content_hash(model);
  tokenizer.processor_ = std::move(processor);
  tokenizer.model_ = std::make_shared<const std::string>(std::move(model));
  return tokenizer;
}

Tokenizer Tokenizer::with_ids(const SpecialIds& ids) const {
  Tokenizer copy = *this;
  copy.ids_ = ids;
  return copy;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int> ids;
  const auto status = processor_->Encode(text, &ids);
  TANDEM_CHECK(status.ok(), "encode: {}", status.ToString());
  return {ids.begin(), ids.end()};
}

std::vector<int32_t> Tokenizer::encode_with_masks(std::string_view text) const {
  std::vector<int32_t> ids;
  int32_t masks = 0;
  while (true) {
    const size_t end = text.find(kMaskText);
    const std::vector<int32_t> part = encode(text.substr(0, end));
    ids.insert(ids.end(), part.begin(), part.end());
    if (end == std::string_view::npos) return ids;
    if (masks == ids_.sentinel_count)
      throw InputError("the text has more than {} {}, as many as the vocabulary has sentinels", masks,
                       kMaskText);
    ids.push_back(ids_.sentinel(masks++));
    text.remove_prefix(end + kMaskText.size());
  }
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string text;
  std::vector<int> run;
  const auto flush = [&] {
    std::string part;
    const auto status = processor_->Decode(run, &part);
    TANDEM_CHECK(status.ok(), "decode: {}", status.ToString());
    text += part;
    run.clear();
  };
  for (const int32_t id : ids) {
    if (ids_.is_sentinel(id)) {
      flush();
      text += fmt::format("<extra_id_{}>", ids_.first_sentinel - id);
    } else if (id < 0 || id >= processor_->GetPieceSize()) {
      flush();
      text += "\xEF\xBF\xBD";
    } else if (id != ids_.pad && id != ids_.eos) {
      run.push_back(id);
    }
  }
  flush();
  return text;
}

}  // namespace tandem::data
