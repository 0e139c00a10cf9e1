// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/config.hpp"

#include <deque>
#include <stdexcept>

namespace systole::platform {
namespace {

std::deque<ConfigInfo> &added_configs() {  // references stay good
  static std::deque<ConfigInfo> added;
  return added;
}

}  // namespace

const std::vector<ConfigInfo> &configs() {
  static const std::vector<ConfigInfo> all = [] {
    std::vector<ConfigInfo> table = {
        // name, rows, columns, AXI data bits: this table is also read by CMake and scripts/configurations.py.
        {"16x16", 16, 16, 128},    {"8x8", 8, 8, 128},          {"4x4", 4, 4, 32},           {"8x16", 8, 16, 128},
        {"32x32", 32, 32, 256},    {"16x16-int8", 16, 16, 128}, {"8x8-int8", 8, 8, 128},     {"4x4-int8", 4, 4, 32},
        {"8x16-int8", 8, 16, 128}, {"16x4-int8", 16, 4, 128},   {"32x32-int8", 32, 32, 256},
    };
    for (ConfigInfo &config : table) {
      config.fp = config.name.find("-int8") == std::string::npos;
      config.element_latency = config.fp ? 4 : 1;
    }
    return table;
  }();
  return all;
}

bool add_config(const ConfigInfo &config) {
  added_configs().push_back(config);
  return true;
}

const ConfigInfo &find_config(const std::string &name) {
  std::string known;
  for (const ConfigInfo &config : configs()) {
    if (config.name == name) return config;
    known += (known.empty() ? "" : ", ") + config.name;
  }
  for (const ConfigInfo &config : added_configs())
    if (config.name == name) return config;
  throw std::invalid_argument("unknown configuration '" + name + "' (known: " + known + ")");
}

}  // namespace systole::platform
