// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace systole::platform {

/// Widest bus, in bytes.
inline constexpr unsigned MAX_BUS_BYTES = 64;
using Beat = std::array<uint8_t, MAX_BUS_BYTES>;

/// AXI response codes.
enum Resp : uint8_t { RESP_OKAY = 0, RESP_EXOKAY = 1, RESP_SLVERR = 2, RESP_DECERR = 3 };

/// The payload of AR or AW.
struct AxiAddress {
  uint64_t addr = 0;
  uint8_t id = 0, len = 0, size = 0, burst = 1, lock = 0, cache = 3, prot = 0, qos = 0;
  bool operator==(const AxiAddress &o) const {
    return addr == o.addr && id == o.id && len == o.len && size == o.size && burst == o.burst && lock == o.lock &&
           cache == o.cache && prot == o.prot && qos == o.qos;
  }
  bool operator!=(const AxiAddress &o) const { return !(*this == o); }
  unsigned beats() const { return len + 1u; }
};

/// What an AXI4 master drives in one cycle.
struct AxiMasterPins {
  bool arvalid = false, awvalid = false, wvalid = false, rready = false, bready = false, wlast = false;
  AxiAddress ar, aw;
  uint64_t wstrb = 0;
  Beat wdata{};
};

/// What an AXI4 slave drives in one cycle.
struct AxiSlavePins {
  bool arready = false, awready = false, wready = false, rvalid = false, bvalid = false, rlast = false;
  uint8_t rid = 0, bid = 0, rresp = 0, bresp = 0;
  Beat rdata{};
};

/// What an AXI4-Lite master drives in one cycle (the core's slave port has no prot signals).
struct AxiLiteMasterPins {
  bool awvalid = false, wvalid = false, bready = false, arvalid = false, rready = false;
  uint16_t awaddr = 0, araddr = 0;
  uint8_t wstrb = 0;
  uint32_t wdata = 0;
};

/// What an AXI4-Lite slave drives in one cycle.
struct AxiLiteSlavePins {
  bool awready = false, wready = false, bvalid = false, arready = false, rvalid = false;
  uint8_t bresp = 0, rresp = 0;
  uint32_t rdata = 0;
};

}  // namespace systole::platform
