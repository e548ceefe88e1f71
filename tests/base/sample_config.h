// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tandem/base/field.h"

namespace tandem::sample {

enum class Colour { kRed, kBlue };
constexpr auto choices(Colour) {
  return std::array{Choice<Colour>{"green", {}}, Choice<Colour>{"red", Colour::kRed},
                    Choice<Colour>{"blue", Colour::kBlue}};
}

struct Wheel {
  int64_t spokes = 0;
  double radius = 0.5;
  bool operator==(const Wheel&) const = default;
  template <class V>
  void visit(V&& v) {
    v("spokes", spokes, Field{.help = "spokes of a wheel", .minimum = 1, .maximum = 100, .required = true});
    v("radius", radius, Field{.help = "size", .unit = "metres", .minimum = 0, .maximum = 2});
  }
};

/// Every type of member, a group and a group in a group.
struct Body {
  Wheel front;
  Colour colour = Colour::kRed;
  bool bell = false;
  bool motor = false;
  bool operator==(const Body&) const = default;
  template <class V>
  void visit(V&& v) {
    v("front", front);
    v("colour", colour, Field{.help = "paint"});
    v("bell", bell, Field{.help = "has a bell"});
    v("motor", motor, Field{.help = "has a motor", .not_yet = "true"});
  }
};

struct Bicycle {
  std::string name;
  Body body;
  Sources loads;
  std::optional<int64_t> gears;
  std::optional<std::string> owner;
  bool operator==(const Bicycle&) const = default;
  template <class V>
  void visit(V&& v) {
    v("name", name, Field{.help = "what it is called", .required = true});
    v("body", body);
    v("loads", loads, Field{.help = "what it carries", .default_text = "nothing"});
    v("gears", gears, Field{.help = "gears", .minimum = 1, .default_text = "as many as fit"});
    v("owner", owner, Field{.help = "whose it is"});
  }
};

}  // namespace tandem::sample
