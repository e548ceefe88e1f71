// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/t5_config.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "tandem/base/error.h"
#include "tandem/base/fields.h"
#include "tandem/base/strict_json.h"
#include "tandem/interop/foreign_file.h"

namespace tandem::interop {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int64_t kMaxConfigBytes = int64_t{1} << 20;

/// A key of config.json that is one of the model's, and what Transformers takes where it is absent.
struct KeyPair {
  const char* theirs;
  const char* ours;
  const char* second_name;  // Transformers takes it for the same key
  json t5, mt5;
};

const std::vector<KeyPair>& key_pairs() {
  static const std::vector<KeyPair> pairs{
      {"num_layers", "encoder_layers", "num_hidden_layers", 6, 8},
      {"num_decoder_layers", "decoder_layers", nullptr, nullptr, nullptr},
      {"d_model", "hidden", "hidden_size", 512, 512},
      {"num_heads", "heads", "num_attention_heads", 8, 6},
      {"d_kv", "head_dim", "head_dim", 64, 64},
      {"d_ff", "feed_forward", nullptr, 2048, 1024},
      {"vocab_size", "vocabulary", nullptr, 32128, 250112},
      {"relative_attention_num_buckets", "relative_buckets", nullptr, 32, 32},
      {"relative_attention_max_distance", "relative_distance", nullptr, 128, 128},
      {"dropout_rate", "dropout", nullptr, 0.1, 0.1},
      {"layer_norm_epsilon", "norm_epsilon", nullptr, 1e-6, 1e-6},
  };
  return pairs;
}

/// Keys that would make it another model; each may only have the value that it has in T5.
const std::vector<std::pair<const char*, json>>& fixed_keys() {
  static const std::vector<std::pair<const char*, json>> keys{{"is_encoder_decoder", true},
                                                              {"is_decoder", false},
                                                              {"is_gated_act", true},
                                                              {"dense_act_fn", "gelu_new"},
                                                              {"tie_encoder_decoder", false},
                                                              {"add_cross_attention", false},
                                                              {"cross_attention_hidden_size", {}},
                                                              {"pruned_heads", json::object()},
                                                              {"chunk_size_feed_forward", 0},
                                                              {"quantization_config", {}},
                                                              {"per_layer_config", {}}};
  return keys;
}

/// Keys that say how a model is made, trained or used, not what it computes.
constexpr std::array kSilentKeys{"_name_or_path",        "architectures", "auto_map",    "bos_token_id",
                                 "classifier_dropout",   "dtype",         "torch_dtype", "initializer_factor",
                                 "transformers_version", "use_cache",     "output_past"};

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

class Reader {
 public:
  Reader(const json& config, std::string place) : config_(config), place_(std::move(place)) {
    if (!config.is_object()) throw InputError("{}: is no JSON object", place_);
  }

  T5Config read() {
    T5Config result;
    result.model_type = model_type();
    is_mt5_ = result.model_type == "mt5";
    check_activation();
    check_fixed();
    result.model.positions = model::Positions::kRelativeBias;
    read_model(result.model);
    check_buckets(result.model);
    read_ids(result);
    result.scales_output = scales_output();
    for (const auto& [key, value] : config_.items())
      if (!seen_.contains(key) && std::ranges::count(kSilentKeys, std::string_view(key)) == 0)
        result.not_used.push_back(key);
    return result;
  }

 private:
  const json* find(const char* key) {
    seen_.insert(key);
    const auto found = config_.find(key);
    return found == config_.end() ? nullptr : &*found;
  }

  std::string model_type() {
    const json* type = find("model_type");
    if (type == nullptr || (*type != "t5" && *type != "mt5"))
      throw InputError("{}: model_type is {}; only t5 and mt5 can be imported", place_,
                       type == nullptr ? "absent" : shown(*type));
    return type->get<std::string>();
  }

  void check_activation() {
    const json* found = find("feed_forward_proj");
    const json value = found != nullptr ? *found : json(is_mt5_ ? "gated-gelu" : "relu");
    if (value != "gated-gelu" && value != "gated-gelu_new")
      throw InputError(
          "{}: feed_forward_proj is {}{}; tandem's model has the gated-gelu of T5 v1.1, mT5 and flan-T5 only",
          place_, shown(value), found == nullptr ? " (it is absent)" : "");
  }

  void check_fixed() {
    for (const auto& [key, value] : fixed_keys())
      if (const json* found = find(key); found != nullptr && !found->is_null() && *found != value)
        throw InputError("{}: {} is {}; tandem's model can only have {}", place_, key, shown(*found),
                         shown(value));
  }

  json value_of(const KeyPair& pair) {
    const json* value = find(pair.theirs);
    const json* second = pair.second_name == nullptr ? nullptr : find(pair.second_name);
    if (value != nullptr && second != nullptr && *value != *second)
      throw InputError("{}: {} is {} but {} is {}; they mean the same", place_, pair.theirs, shown(*value),
                       pair.second_name, shown(*second));
    if (value == nullptr) value = second;
    return value != nullptr ? *value : is_mt5_ ? pair.mt5 : pair.t5;
  }

  void read_model(model::ModelConfig& model) {
    const std::vector<FieldRef> fields = list_fields(model);
    for (const KeyPair& pair : key_pairs()) {
      json value = value_of(pair);
      // A decoder without a number of layers is as deep as the encoder.
      if (pair.ours == std::string_view("decoder_layers") && value.is_null()) value = model.encoder_layers;
      const auto field = std::ranges::find(fields, pair.ours, &FieldRef::key);
      TANDEM_CHECK(field != fields.end(), "no field {}", pair.ours);
      if (const std::string problem = field->read(value); !problem.empty())
        throw InputError("{}: {}: {}", place_, pair.theirs, problem);
    }
  }

  void check_buckets(const model::ModelConfig& model) const {
    if (model.relative_buckets % 2 != 0)
      throw InputError("{}: relative_attention_num_buckets {} is odd; half of them belong to each direction",
                       place_, model.relative_buckets);
    if (model.relative_distance <= model.relative_buckets / 2)
      throw InputError(
          "{}: relative_attention_max_distance {} must be above half of relative_attention_num_buckets {}",
          place_, model.relative_distance, model.relative_buckets);
  }

  void read_ids(T5Config& result) {
    result.pad = id("pad_token_id", 0, result.model.vocabulary);
    result.eos = id("eos_token_id", 1, result.model.vocabulary);
    if (result.pad == result.eos)
      throw InputError("{}: pad_token_id and eos_token_id are both {}", place_, result.pad);
    const json* start = find("decoder_start_token_id");
    if (start != nullptr && !start->is_null() && *start != result.pad)
      throw InputError(
          "{}: decoder_start_token_id is {} and pad_token_id {}; tandem's decoder starts with pad", place_,
          shown(*start), result.pad);
  }

  int32_t id(const char* key, int32_t usual, int64_t vocabulary) {
    const json* found = find(key);
    if (found == nullptr) return usual;
    // Transformers takes a list of ends; tandem has one.
    const json& value = found->is_array() && found->size() == 1 ? found->front() : *found;
    if (!value.is_number_unsigned() || value.get<uint64_t>() >= static_cast<uint64_t>(vocabulary))
      throw InputError("{}: {} is {}; tandem needs one id below vocab_size {}", place_, key, shown(*found),
                       vocabulary);
    return value.get<int32_t>();
  }

  bool flag(const json& value, const char* key) const {
    if (!value.is_boolean()) throw InputError("{}: {} is {}, not true or false", place_, key, shown(value));
    return value.get<bool>();
  }

  // Transformers 5.23: configuration_t5.py, T5Config.__post_init__; mT5 never scales.
  bool scales_output() {
    const json* scale = find("scale_decoder_outputs");
    const json* tie = find("tie_word_embeddings");
    if (is_mt5_) return false;
    if (scale != nullptr) return flag(*scale, "scale_decoder_outputs");
    return tie == nullptr || tie->is_null() || flag(*tie, "tie_word_embeddings");
  }

  const json& config_;
  std::string place_;
  bool is_mt5_ = false;
  std::set<std::string> seen_;
};

// Generation takes its ids from here: they must be those of the model.
void check_generation(const fs::path& path, const T5Config& config) {
  const std::string place = path.string();
  const json generation = parse_strict_json(read_foreign_text(path, kMaxConfigBytes), place);
  if (!generation.is_object()) throw InputError("{}: is no JSON object", place);
  const std::array<std::pair<const char*, int32_t>, 3> ids{
      {{"pad_token_id", config.pad}, {"eos_token_id", config.eos}, {"decoder_start_token_id", config.pad}}};
  for (const auto& [key, id] : ids)
    if (const auto found = generation.find(key);
        found != generation.end() && !found->is_null() && *found != id && *found != json::array({id}))
      throw InputError("{}: {} is {}, but by config.json it must be {}", place, key, shown(*found), id);
}

const char* torch_name(checkpoint::DataType type) {
  switch (type) {
    case checkpoint::DataType::kBF16:
      return "bfloat16";
    case checkpoint::DataType::kF64:
      return "float64";
    case checkpoint::DataType::kF32:
    case checkpoint::DataType::kI64:
      break;
  }
  return "float32";
}

}  // namespace

T5Config read_t5_config(const fs::path& folder) {
  const std::string place = (folder / "config.json").string();
  const json config = parse_strict_json(read_foreign_text(place, kMaxConfigBytes), place);
  T5Config result = Reader(config, place).read();
  if (leads_somewhere(folder / "generation_config.json"))
    check_generation(folder / "generation_config.json", result);
  return result;
}

nlohmann::ordered_json t5_config_json(const model::ModelConfig& model, const data::SpecialIds& ids,
                                      checkpoint::DataType type) {
  nlohmann::ordered_json config{{"architectures", {"T5ForConditionalGeneration"}}, {"model_type", "t5"}};
  model::ModelConfig copy = model;
  const std::vector<FieldRef> fields = list_fields(copy);
  for (const KeyPair& pair : key_pairs())
    config[pair.theirs] = std::ranges::find(fields, pair.ours, &FieldRef::key)->write();
  config["feed_forward_proj"] = "gated-gelu";
  config["is_encoder_decoder"] = true;
  config["pad_token_id"] = ids.pad;
  config["eos_token_id"] = ids.eos;
  config["decoder_start_token_id"] = ids.pad;
  // Version 4 goes by the first for both head and scaling, version 5 by the second and the weights.
  config["tie_word_embeddings"] = model.tied_head;
  config["scale_decoder_outputs"] = model.tied_head;
  config["dtype"] = config["torch_dtype"] = torch_name(type);
  return config;
}

nlohmann::ordered_json t5_generation_json(const data::SpecialIds& ids) {
  return {{"pad_token_id", ids.pad}, {"eos_token_id", ids.eos}, {"decoder_start_token_id", ids.pad}};
}

}  // namespace tandem::interop
