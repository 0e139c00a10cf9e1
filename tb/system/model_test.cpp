// SPDX-License-Identifier: Apache-2.0
// The same products on the functional engine, so that it and the RTL agree with the golden model, and so with one another.
#include "sim/model/model_accelerator.hpp"
#include "tb/system/engine.hpp"

namespace systole::tb {

std::string engine_name() { return "model"; }

std::vector<std::string> engine_configs() {
  std::vector<std::string> names;
  for (const platform::ConfigInfo &config : platform::configs()) names.push_back(config.name);
  return names;
}

platform::AcceleratorFactory engine_factory() { return model::model_factory(); }

}  // namespace systole::tb
