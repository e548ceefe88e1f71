// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/encode.h"

#include <algorithm>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/thread_team.h"
#include "tandem/data/output_files.h"
#include "tandem/data/text_lines.h"
#include "tandem/data/token_index_writer.h"
#include "tandem/data/tokenizer.h"

namespace tandem::data {
namespace {

// Documents that are held at once: as many as fit this many bytes of text.
constexpr size_t kBatchBytes = 4 << 20;

std::vector<std::vector<int32_t>> encode_batch(const std::vector<std::string>& texts,
                                               const Tokenizer& tokenizer, int threads) {
  std::vector<std::vector<int32_t>> ids(texts.size());
  run_on_threads(threads, [&](size_t first) {
    for (size_t i = first; i < texts.size(); i += static_cast<size_t>(threads)) {
      ids[i] = tokenizer.encode(texts[i]);
      ids[i].push_back(tokenizer.ids().eos);
    }
  });
  return ids;
}

class Encoder {
 public:
  Encoder(const EncodeOptions& options, const Tokenizer& tokenizer, IndexPaths paths)
      : options_(options),
        tokenizer_(tokenizer),
        writer_(std::move(paths), token_type_for(tokenizer.ids().vocabulary)) {}

  void add(std::string text) {
    bytes_ += text.size();
    batch_.push_back(std::move(text));
    if (bytes_ >= kBatchBytes) flush();
  }

  void flush() {
    for (const auto& ids : encode_batch(batch_, tokenizer_, options_.threads)) {
      writer_.add_sequence(ids);
      writer_.end_document();
      largest_id_ = std::max(largest_id_, *std::max_element(ids.begin(), ids.end()));
    }
    batch_.clear();
    bytes_ = 0;
    if (options_.progress) options_.progress(writer_.documents());
  }

  IndexMetadata finish() {
    flush();
    if (writer_.documents() == 0) throw InputError("the input holds no documents; name files with text");
    writer_.finish();
    return {.ids = tokenizer_.ids(),
            .tokenizer_hash = tokenizer_.hash(),
            .documents = writer_.documents(),
            .tokens = writer_.tokens(),
            .largest_id = largest_id_};
  }

 private:
  const EncodeOptions& options_;
  const Tokenizer& tokenizer_;
  TokenIndexWriter writer_;
  std::vector<std::string> batch_;
  size_t bytes_ = 0;
  int32_t largest_id_ = 0;
};

}  // namespace

IndexMetadata encode(const EncodeOptions& options) {
  TANDEM_CHECK(options.threads >= 1, "{} threads", options.threads);
  if (options.prefix.empty() || options.prefix.ends_with('/'))
    throw InputError("the output '{}' is a folder; name the files in it too, as {}train", options.prefix,
                     options.prefix);
  const Tokenizer tokenizer = Tokenizer::load(options.tokenizer);
  // Announced in the order in which they appear: an index without its .idx cannot be opened.
  OutputFiles files;
  const std::string bin = files.add(options.prefix + ".bin");
  files.add(options.prefix + ".tokenizer.model", tokenizer.model());
  const std::string json = files.add(options.prefix + ".json");
  const std::string idx = files.add(options.prefix + ".idx");
  Encoder encoder(options, tokenizer, {.bin = bin, .idx = idx});
  for (const std::string& input : options.inputs) {
    DocumentReader reader(input);
    for (std::string text; reader.next(text);) encoder.add(std::move(text));
  }
  IndexMetadata metadata = encoder.finish();
  OutputFiles::write(json, to_json(metadata));
  files.publish();
  return metadata;
}

}  // namespace tandem::data
