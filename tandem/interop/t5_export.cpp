// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/t5_export.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "tandem/base/error.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/safetensors_header.h"
#include "tandem/infer/model_facts.h"
#include "tandem/infer/tokenizer_choice.h"
#include "tandem/interop/output_folder.h"
#include "tandem/interop/t5_config.h"
#include "tandem/interop/t5_names.h"
#include "tandem/interop/t5_tokenizer.h"
#include "tandem/model/tensor_table.h"

namespace tandem::interop {

namespace fs = std::filesystem;
using checkpoint::DataType;
using checkpoint::Role;
using checkpoint::StepReader;

namespace {

constexpr int64_t kElementsAtOnce = 1 << 20;  // 8 MiB as F64

/// A tensor of the file to write, and the elements of tandem's tensor that it is.
struct OutputTensor {
  std::string name, source;
  layout::Shape shape, source_shape;
  int64_t first_element = 0;
  DataType type = DataType::kF32;

  int64_t num_elements() const { return layout::num_elements(shape); }
};

DataType stored_type(const StepReader& reader) {
  const checkpoint::Manifest& manifest = reader.manifest();
  const DataType type = manifest.description.roles[manifest.find_role(Role::kParameter).value()].type;
  if (type == DataType::kI64) throw InputError("{}: holds integers, not weights", reader.folder().string());
  return type;
}

std::vector<OutputTensor> plan(const StepReader& reader, const std::vector<layout::TensorSpec>& table) {
  std::vector<OutputTensor> tensors;
  for (const layout::TensorSpec& spec : table) {
    int64_t first = 0;
    for (const T5Part& part : t5_parts(spec)) {
      tensors.push_back({.name = part.name,
                         .source = spec.name,
                         .shape = part.shape,
                         .source_shape = spec.shape,
                         .first_element = first,
                         .type = stored_type(reader)});
      first += part.slice.num_elements();
    }
  }
  // Wide types first: so every tensor lies at a multiple of its element.
  std::ranges::stable_sort(tensors, std::ranges::greater{},
                           [](const OutputTensor& tensor) { return checkpoint::size_bytes(tensor.type); });
  return tensors;
}

std::string text_of(const nlohmann::ordered_json& value) { return value.dump(2) + "\n"; }

/// Writes model.safetensors a buffer at a time.
class WeightsFile {
 public:
  WeightsFile(const StepReader& reader, const ByteProgress& progress)
      : reader_(reader), progress_(progress) {}

  int64_t write(const fs::path& path, const std::vector<OutputTensor>& tensors) {
    std::vector<checkpoint::SafetensorsTensor> described;
    for (const OutputTensor& tensor : tensors) {
      described.push_back(
          {.name = tensor.name, .type = checkpoint::name_of(tensor.type), .shape = tensor.shape});
      total_ += tensor.num_elements() * checkpoint::size_bytes(tensor.type);
    }
    // Transformers 4 refuses a file that does not say from where it is.
    const std::string header = checkpoint::safetensors_header_text({{"format", "pt"}}, described);
    checkpoint::File file = checkpoint::File::create(path);
    file.append(std::as_bytes(std::span(header)));
    for (const OutputTensor& tensor : tensors) append(file, tensor);
    const int64_t bytes = file.size();
    file.sync_and_close();
    return bytes;
  }

 private:
  void append(checkpoint::File& file, const OutputTensor& tensor) {
    const int64_t count = tensor.num_elements();
    for (int64_t first = 0; first < count; first += kElementsAtOnce) {
      const int64_t begin = tensor.first_element + first,
                    end = begin + std::min(count - first, kElementsAtOnce);
      for (const layout::Slice& box : layout::boxes_of_range(tensor.source_shape, begin, end)) {
        buffer_.resize(static_cast<size_t>(box.num_elements() * checkpoint::size_bytes(tensor.type)));
        reader_.read({.tensor = tensor.source, .role = Role::kParameter, .slice = box}, tensor.type, buffer_);
        file.append(buffer_);
        done_ += std::ssize(buffer_);
        if (progress_) progress_(done_, total_);
      }
    }
  }

  const StepReader& reader_;
  const ByteProgress& progress_;
  std::vector<std::byte> buffer_;
  int64_t done_ = 0, total_ = 0;
};

model::ModelConfig exportable_model(const StepReader& reader) {
  const model::ModelConfig model = infer::model_config_of(reader);
  if (model.positions != model::Positions::kRelativeBias)
    throw InputError(
        "{}: its model has model.positions rotary, and T5 has no rotary positions; only models with "
        "relative_bias can be exported",
        reader.folder().string());
  return model;
}

void write_tokenizer(const StepReader& reader, const data::SpecialIds& ids, const OutputFolder& output,
                     T5Exported& result) {
  const auto chosen = infer::choose_tokenizer(reader, "", ids);
  if (!chosen) {
    result.notes.push_back("the checkpoint has no tokenizer.model beside it; none is exported");
    return;
  }
  output.write("spiece.model", chosen->tokenizer.model());
  result.has_tokenizer = true;
  if (const auto settings = t5_tokenizer_json(chosen->tokenizer, ids))
    output.write("tokenizer_config.json", text_of(*settings));
  else
    result.notes.push_back(
        "the model's sentinels are not where T5Tokenizer puts them; tokenizer_config.json is left out");
}

}  // namespace

T5Exported export_t5(const T5ExportOptions& options) {
  const StepReader reader = StepReader::open(options.checkpoint);
  const model::ModelConfig model = exportable_model(reader);
  const data::SpecialIds ids = infer::special_ids_of(reader);
  const auto table = model::tensor_table(model, {model::all_layers(model)});
  reader.require(table, std::array{Role::kParameter});
  OutputFolder output(options.output);

  T5Exported result{.step = reader.folder(), .tied_head = model.tied_head, .notes = reader.passed_over()};
  const std::vector<OutputTensor> tensors = plan(reader, table);
  for (const OutputTensor& tensor : tensors) result.parameters += tensor.num_elements();
  write_tokenizer(reader, ids, output, result);
  output.write("config.json", text_of(t5_config_json(model, ids, stored_type(reader))));
  output.write("generation_config.json", text_of(t5_generation_json(ids)));
  result.bytes =
      WeightsFile(reader, options.progress).write(output.unfinished() / "model.safetensors", tensors);
  output.publish();
  return result;
}

}  // namespace tandem::interop
