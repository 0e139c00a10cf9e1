// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "firmware/include/systole.h"
#include "sim/platform/config.hpp"
#include "sim/timing/timing.hpp"

/// What the C driver writes to its ring for a product, without a machine: a device that takes records down and calls them complete.
namespace systole::record {

/// A driver on such a device. Products are queued one behind the other, as with systole_gemm() without waiting between.
class Recorder {
 public:
  /// @throws std::logic_error if the driver does not know such a machine
  explicit Recorder(const platform::ConfigInfo &config);
  ~Recorder();
  Recorder(const Recorder &) = delete;
  Recorder &operator=(const Recorder &) = delete;

  /// Lets the driver write the product's records. @throws std::invalid_argument with one line if the driver refuses it
  void add(const systole_gemm_t &gemm);

  /// How the driver maps the product. @throws std::invalid_argument as add()
  systole_gemm_plan_t plan(const systole_gemm_t &gemm) const;

  /// All records since the last call, and forgets them; the next product is a new driver's first. A ring of 65536 records: so many
  /// products and records are announced by one doorbell each; the i-th one, from 0, is in cycle i.
  timing::Program take();

  /// The driver's handle.
  const systole_t &device() const;

 private:
  struct Device;
  std::unique_ptr<Device> device_;
};

/// The records of one product. @throws std::invalid_argument if the driver refuses it
timing::Program record_gemm(const platform::ConfigInfo &config, const systole_gemm_t &gemm);

}  // namespace systole::record
