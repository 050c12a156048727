// What a front and the faces of a daemon show: the same families for masters and syndics, under the daemon's prefix.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "front/minion_front.h"
#include "metrics/registry.h"
#include "net/face.h"

namespace brine::front {

// prefix: "brine_master". What is handed in outlives the registry's last text().
void declare_front_metrics(metrics::Registry& registry, const std::string& prefix, const FrontContext& front, std::size_t loops);

// faces: what they are called in labels.
using NamedFaces = std::vector<std::pair<std::string, const net::FaceCounters*>>;
void declare_face_metrics(metrics::Registry& registry, const std::string& prefix, const NamedFaces& faces);

}  // namespace brine::front
