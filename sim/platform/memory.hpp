// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

namespace systole::platform {

/// Bytes on a TLM-2.0 target socket (b_transport with byte enables, DMI for reads) that watch who writes where.
///
/// Writes through the socket are compared with the regions allowed to be written: others are carried out and reported. Reads may
/// use DMI; it is not given for writes, so that each one is seen. An access beyond the end answers TLM_ADDRESS_ERROR_RESPONSE.
/// The host uses the bytes directly.
class Memory final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Memory> socket;

  /// `size` bytes from the bus address `base` on.
  Memory(const sc_core::sc_module_name &name, uint64_t base, size_t size);

  uint64_t base() const { return base_; }
  size_t size() const { return bytes_.size(); }
  /// The byte at a bus address. @throws std::out_of_range
  uint8_t *at(uint64_t address, size_t length = 1);

  /// Fills [address, address + length) with bytes that depend on the seed and the address.
  void fill_pattern(uint64_t address, size_t length, uint64_t seed);

  /// Rows of `row_bytes` bytes, `pitch` apart, that the accelerator may write.
  struct Region {
    uint64_t address = 0;
    size_t rows = 0, row_bytes = 0, pitch = 0;
  };
  /// Begins to watch: remembers all bytes, forgets what was reported and which bytes were written.
  void watch(const Region &allowed) { watch(std::vector<Region>{allowed}); }
  /// The same with several regions, which must not overlap, not even one in the gaps of another.
  void watch(std::vector<Region> allowed);
  /// What happened since watch().
  struct Findings {
    uint64_t stray_bytes = 0;      ///< bytes outside the regions that were written through the socket, or that differ now
    uint64_t unwritten_bytes = 0;  ///< bytes of the regions that were not written
    uint64_t rewritten_bytes = 0;  ///< bytes of the regions that were written more than once
    std::string first;             ///< the first offence, as text
  };
  /// Compares all memory except [ignore, ignore + ignore_length), which the host writes itself (the command ring).
  Findings check(uint64_t ignore = 0, size_t ignore_length = 0) const;
  /// Bytes of one region that were not written since watch().
  uint64_t unwritten_bytes(const Region &region) const;
  /// Distinct bytes of the regions written since watch().
  uint64_t written_bytes() const { return written_; }

 private:
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  bool get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload);
  bool inside(uint64_t address, uint64_t length) const;
  bool allowed(uint64_t address) const;
  void note_write(uint64_t address, size_t length, const uint8_t *enable, size_t enable_length);

  const uint64_t base_;
  std::vector<uint8_t> bytes_, before_, times_written_;
  std::vector<Region> regions_;  // by address
  bool watching_ = false;
  uint64_t written_ = 0, rewritten_ = 0, stray_ = 0;
  std::string first_;
};

}  // namespace systole::platform
