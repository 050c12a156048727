#include "minion/binding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest.h"

namespace brine::minion {
namespace {

// The parameters of a function, sorted by how they can be given.
struct Shape {
  std::vector<const Parameter*> named;
  std::size_t positional = 0;  // the first so many of named take arguments by position
  bool variadic = false;
  bool keywords = false;
};

Shape shape_of(const Function& function) {
  Shape shape;
  for (const Parameter& parameter : function.parameters) {
    if (parameter.variadic) {
      shape.variadic = true;
    } else if (parameter.keywords) {
      shape.keywords = true;
    } else {
      shape.named.push_back(&parameter);
      if (!shape.variadic) ++shape.positional;
    }
  }
  return shape;
}

const Parameter* find_named(const Shape& shape, const std::string& name) {
  const auto it = std::ranges::find(shape.named, name, &Parameter::name);
  return it == shape.named.end() ? nullptr : *it;
}

std::string unknown_keyword(const Shape& shape, const std::string& name) {
  std::vector<std::string> known;
  for (const Parameter* parameter : shape.named) known.push_back(parameter->name);
  const auto nearest = nearest_names(name, known, 1);
  if (nearest.empty()) return fmt::format("there is no parameter '{}'", name);
  return fmt::format("there is no parameter '{}'; did you mean '{}'?", name, nearest.front());
}

Status bind_positional(const Shape& shape, const Call& call, Call& bound) {
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (i < shape.positional) {
      bound.kwargs[shape.named[i]->name] = call.args[i];
    } else if (shape.variadic) {
      bound.args.push_back(call.args[i]);
    } else {
      return fail(Code::kInvalid, fmt::format("takes at most {} arguments by position, got {}", shape.positional, call.args.size()));
    }
  }
  return {};
}

Status bind_keywords(const Shape& shape, const Call& call, Call& bound) {
  for (const auto& [name, value] : call.kwargs) {
    if (find_named(shape, name) == nullptr && !shape.keywords) return fail(Code::kInvalid, unknown_keyword(shape, name));
    if (!bound.kwargs.emplace(name, value).second) {
      return fail(Code::kInvalid, fmt::format("got '{}' twice: by position and by name", name));
    }
  }
  return {};
}

Status fill_defaults(const Shape& shape, Call& bound) {
  std::vector<std::string> missing;
  for (const Parameter* parameter : shape.named) {
    if (bound.kwargs.contains(parameter->name)) continue;
    if (parameter->fallback.empty()) {
      missing.push_back("'" + parameter->name + "'");
    } else {
      bound.kwargs[parameter->name] = Json::parse(parameter->fallback);
    }
  }
  if (!missing.empty()) return fail(Code::kInvalid, fmt::format("needs {}", fmt::join(missing, " and ")));
  return {};
}

}  // namespace

Result<Call> bind_arguments(const Function& function, const Call& call) {
  const Shape shape = shape_of(function);
  Call bound = call;
  bound.args.clear();
  bound.kwargs.clear();
  BRINE_TRY(bind_positional(shape, call, bound));
  BRINE_TRY(bind_keywords(shape, call, bound));
  BRINE_TRY(fill_defaults(shape, bound));
  return bound;
}

}  // namespace brine::minion
