// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/memory.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace systole::platform {
namespace {

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

Memory::Memory(const sc_core::sc_module_name &name, uint64_t base, size_t size)
    : sc_module(name), socket("socket"), base_(base), bytes_(size) {
  socket.register_b_transport(this, &Memory::b_transport);
  socket.register_get_direct_mem_ptr(this, &Memory::get_direct_mem_ptr);
  socket.register_transport_dbg(this, &Memory::transport_dbg);
}

bool Memory::inside(uint64_t address, uint64_t length) const {
  return address >= base_ && length <= bytes_.size() && address - base_ <= bytes_.size() - length;
}

uint8_t *Memory::at(uint64_t address, size_t length) {
  if (!inside(address, length)) throw std::out_of_range("memory address " + hex(address));
  return bytes_.data() + (address - base_);
}

void Memory::fill_pattern(uint64_t address, size_t length, uint64_t seed) {
  uint8_t *bytes = at(address, length);
  uint64_t state = seed * 0x9E3779B97F4A7C15ull + address;
  for (size_t i = 0; i < length; i += 8) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const uint64_t word = state ^ (state >> 29);
    std::memcpy(bytes + i, &word, std::min<size_t>(8, length - i));
  }
}

void Memory::watch(std::vector<Region> allowed) {
  allowed.erase(std::remove_if(allowed.begin(), allowed.end(), [](const Region &region) { return region.rows == 0; }),
                allowed.end());
  std::sort(allowed.begin(), allowed.end(), [](const Region &a, const Region &b) { return a.address < b.address; });
  uint64_t from = base_;
  for (const Region &region : allowed) {
    const size_t length = (region.rows - 1) * region.pitch + region.row_bytes;
    at(region.address, length);
    if (region.address < from) throw std::logic_error("memory: regions overlap at " + hex(region.address));
    from = region.address + length;
  }
  regions_ = std::move(allowed);
  before_ = bytes_;
  times_written_.assign(bytes_.size(), 0);
  written_ = rewritten_ = stray_ = 0;
  first_.clear();
  watching_ = true;
}

bool Memory::allowed(uint64_t address) const {
  const auto above = std::upper_bound(regions_.begin(), regions_.end(), address,
                                      [](uint64_t value, const Region &region) { return value < region.address; });
  if (above == regions_.begin()) return false;
  const Region &region = *std::prev(above);
  const uint64_t offset = address - region.address;
  if (region.pitch == region.row_bytes) return offset < uint64_t{region.rows} * region.row_bytes;
  return offset / region.pitch < region.rows && offset % region.pitch < region.row_bytes;
}

void Memory::note_write(uint64_t address, size_t length, const uint8_t *enable, size_t enable_length) {
  for (size_t i = 0; i < length; ++i) {
    if (enable != nullptr && enable[enable_length == length ? i : i % enable_length] == 0) continue;
    uint8_t &times = times_written_[address - base_ + i];
    if (allowed(address + i)) {
      if (times == 0)
        ++written_;
      else
        ++rewritten_;
    } else {
      if (stray_++ == 0) first_ = "wrote " + hex(address + i) + ", outside C, at " + sc_core::sc_time_stamp().to_string();
    }
    times = 1;
  }
}

void Memory::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time & /*delay*/) {
  const uint64_t address = payload.get_address();
  const size_t length = payload.get_data_length();
  if (payload.get_streaming_width() < length) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  if (!inside(address, length)) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  uint8_t *bytes = bytes_.data() + (address - base_);
  uint8_t *data = payload.get_data_ptr();
  const uint8_t *enable = payload.get_byte_enable_ptr();
  const size_t enable_length = payload.get_byte_enable_length();
  if (payload.is_read()) {
    for (size_t i = 0; enable != nullptr && i < length; ++i)
      if (enable[i % enable_length] != 0) data[i] = bytes[i];
    if (enable == nullptr) std::memcpy(data, bytes, length);
    payload.set_dmi_allowed(true);
  } else if (payload.is_write()) {
    if (watching_) note_write(address, length, enable, enable_length);
    if (enable == nullptr) {
      std::memcpy(bytes, data, length);
    } else {
      for (size_t i = 0; i < length; ++i)
        if (enable[enable_length == length ? i : i % enable_length] != 0) bytes[i] = data[i];
    }
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

bool Memory::get_direct_mem_ptr(tlm::tlm_generic_payload & /*payload*/, tlm::tlm_dmi &dmi) {
  dmi.set_start_address(base_);
  dmi.set_end_address(base_ + bytes_.size() - 1);
  dmi.set_dmi_ptr(bytes_.data());
  dmi.allow_read();
  return true;
}

unsigned Memory::transport_dbg(tlm::tlm_generic_payload &payload) {
  if (!inside(payload.get_address(), payload.get_data_length())) return 0;
  uint8_t *bytes = bytes_.data() + (payload.get_address() - base_);
  if (payload.is_read())
    std::memcpy(payload.get_data_ptr(), bytes, payload.get_data_length());
  else
    std::memcpy(bytes, payload.get_data_ptr(), payload.get_data_length());
  return payload.get_data_length();
}

Memory::Findings Memory::check(uint64_t ignore, size_t ignore_length) const {
  Findings findings;
  findings.stray_bytes = stray_;
  findings.rewritten_bytes = rewritten_;
  findings.first = first_;
  const auto compare = [&](uint64_t from, uint64_t to) {  // bus addresses, [from, to)
    if (from >= to) return;
    const size_t first = from - base_, length = to - from;
    if (std::memcmp(&bytes_[first], &before_[first], length) == 0) return;
    for (size_t i = first; i < first + length; ++i) {
      if (bytes_[i] == before_[i] || times_written_[i] != 0) continue;  // writes through the socket are counted above
      if (findings.stray_bytes++ == 0) findings.first = "byte at " + hex(base_ + i) + " changed";
    }
  };
  const auto compare_around = [&](uint64_t from, uint64_t to) {
    if (ignore_length == 0 || ignore >= to || ignore + ignore_length <= from) {
      compare(from, to);
    } else {
      compare(from, ignore);
      compare(ignore + ignore_length, to);
    }
  };
  uint64_t from = base_;
  for (const Region &region : regions_) {
    for (size_t row = 0; row < region.rows; ++row) {
      const uint64_t begin = region.address + uint64_t{row} * region.pitch;
      compare_around(from, begin);
      from = begin + region.row_bytes;
    }
  }
  compare_around(from, base_ + bytes_.size());
  for (const Region &region : regions_) {
    for (size_t row = 0; row < region.rows; ++row) {
      const size_t begin = region.address - base_ + row * region.pitch;
      for (size_t i = begin; i < begin + region.row_bytes; ++i) {
        if (times_written_[i] != 0) continue;
        if (findings.unwritten_bytes++ == 0 && findings.first.empty())
          findings.first = "byte " + std::to_string(i - begin) + " of row " + std::to_string(row) + " of C was not written";
      }
    }
  }
  return findings;
}

uint64_t Memory::unwritten_bytes(const Region &region) const {
  uint64_t count = 0;
  for (size_t row = 0; row < region.rows; ++row) {
    const auto begin = times_written_.begin() + static_cast<ptrdiff_t>(region.address - base_ + row * region.pitch);
    count += static_cast<uint64_t>(std::count(begin, begin + static_cast<ptrdiff_t>(region.row_bytes), 0));
  }
  return count;
}

}  // namespace systole::platform
