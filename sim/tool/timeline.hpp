// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "sim/npy/output_file.hpp"
#include "sim/tool/report.hpp"

namespace systole::tool {

/// Who was busy when, in the Chrome trace-event format (JSON object form), as docs/debugging.md has it: a process a product, a slice a
/// command on its engine's tracks, counters over windows of cycles. A microsecond of the trace is a cycle from the product's first doorbell.
std::string to_timeline(const Report &report);

/// The same at a glance, as SVG: the products one behind the other.
std::string to_svg(const Report &report);

/// A timeline's two files under temporary names.
struct TimelineFiles {
  std::unique_ptr<npy::OutputFile> json, svg;
  /// Gives them their own. @throws npy::Error
  void commit() const;
};

/// Writes both if options.timeline is given. @throws npy::Error
TimelineFiles prepare_timeline(const Report &report);

}  // namespace systole::tool
