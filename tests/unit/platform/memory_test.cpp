// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/memory.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>
#include <vector>

namespace systole::platform {
namespace {

constexpr uint64_t BASE = 0x12'0000'0000;

/// Uses the socket's own interface: no elaboration is needed.
class MemoryTest : public testing::Test {
 protected:
  MemoryTest() { memory_.fill_pattern(BASE, memory_.size(), 1); }
  tlm::tlm_response_status access(bool write, uint64_t address, std::vector<uint8_t> &data,
                                  std::vector<uint8_t> *enable = nullptr) {
    tlm::tlm_generic_payload payload;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(data.data());
    payload.set_data_length(static_cast<unsigned>(data.size()));
    payload.set_streaming_width(static_cast<unsigned>(data.size()));
    if (enable != nullptr) {
      payload.set_byte_enable_ptr(enable->data());
      payload.set_byte_enable_length(static_cast<unsigned>(enable->size()));
    }
    memory_.socket.get_base_export()->b_transport(payload, delay);
    return payload.get_response_status();
  }
  Memory memory_{"memory", BASE, 8192};
};

TEST_F(MemoryTest, ReadsWhatWasWritten) {
  std::vector<uint8_t> data(100), back(100);
  std::iota(data.begin(), data.end(), uint8_t{1});
  EXPECT_EQ(access(true, BASE + 3, data), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(access(false, BASE + 3, back), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(back, data);
}

TEST_F(MemoryTest, HonoursByteEnables) {
  std::vector<uint8_t> data(4, 0xAA), enable = {0xFF, 0, 0, 0xFF};
  std::vector<uint8_t> before(memory_.at(BASE, 4), memory_.at(BASE, 4) + 4);
  EXPECT_EQ(access(true, BASE, data, &enable), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(*memory_.at(BASE), 0xAA);
  EXPECT_EQ(*memory_.at(BASE + 1), before[1]);
  EXPECT_EQ(*memory_.at(BASE + 3), 0xAA);
}

TEST_F(MemoryTest, AnswersAddressErrorsOutside) {
  std::vector<uint8_t> data(16);
  EXPECT_EQ(access(false, BASE - 1, data), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(access(false, BASE + 8192 - 15, data), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(access(false, BASE + 8192 - 16, data), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(access(true, ~uint64_t{0} - 3, data), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_THROW(memory_.at(BASE + 8192), std::out_of_range);
}

TEST_F(MemoryTest, IsContentWhenExactlyTheRegionIsWritten) {
  memory_.watch({BASE + 1000, 3, 10, 16});
  std::vector<uint8_t> row(10, 5);
  for (unsigned r = 0; r < 3; ++r) access(true, BASE + 1000 + 16 * r, row);
  const Memory::Findings findings = memory_.check();
  EXPECT_EQ(findings.stray_bytes, 0u) << findings.first;
  EXPECT_EQ(findings.unwritten_bytes, 0u);
  EXPECT_EQ(findings.rewritten_bytes, 0u);
  EXPECT_EQ(memory_.written_bytes(), 30u);
}

TEST_F(MemoryTest, WatchesSeveralRegions) {
  const Memory::Region first{BASE + 1000, 3, 10, 16}, second{BASE + 2000, 1, 8, 8}, none{BASE, 0, 4, 4};
  memory_.watch({second, first, none});
  std::vector<uint8_t> row(10, 5), other(8, 6), byte(1, 7);
  for (unsigned r = 0; r < 3; ++r) access(true, BASE + 1000 + 16 * r, row);
  EXPECT_EQ(memory_.unwritten_bytes(first), 0u);
  EXPECT_EQ(memory_.unwritten_bytes(second), 8u);
  EXPECT_EQ(memory_.check().unwritten_bytes, 8u);
  access(true, BASE + 2000, other);
  EXPECT_EQ(memory_.unwritten_bytes(second), 0u);
  EXPECT_EQ(memory_.check().unwritten_bytes, 0u);
  EXPECT_EQ(memory_.check().stray_bytes, 0u) << memory_.check().first;
  access(true, BASE + 1999, byte);
  access(true, BASE + 2008, byte);
  access(true, BASE + 1010, byte);
  EXPECT_EQ(memory_.check().stray_bytes, 3u);
  *memory_.at(BASE + 1500) ^= 1;
  EXPECT_EQ(memory_.check().stray_bytes, 4u);
}

TEST_F(MemoryTest, RefusesRegionsThatOverlap) {
  EXPECT_THROW(memory_.watch({{BASE + 1000, 3, 10, 16}, {BASE + 1041, 1, 8, 8}}), std::logic_error);
  EXPECT_THROW(memory_.watch({{BASE + 1012, 1, 2, 2}, {BASE + 1000, 3, 10, 16}}), std::logic_error);
  EXPECT_THROW(memory_.watch({BASE + 8190, 1, 3, 3}), std::out_of_range);
  memory_.watch({{BASE + 1000, 3, 10, 16}, {BASE + 1042, 1, 8, 8}});
}

TEST_F(MemoryTest, ReportsAWriteIntoTheGapBetweenRows) {
  memory_.watch({BASE + 1000, 3, 10, 16});
  std::vector<uint8_t> row(11, 5);
  access(true, BASE + 1000, row);
  EXPECT_EQ(memory_.check().stray_bytes, 1u);
  EXPECT_NE(memory_.check().first.find("0x12000003f2"), std::string::npos) << memory_.check().first;
}

TEST_F(MemoryTest, ReportsAStrayWriteOfTheSameValue) {
  memory_.watch({BASE + 1000, 1, 4, 4});
  std::vector<uint8_t> same(memory_.at(BASE + 10), memory_.at(BASE + 10) + 1);
  access(true, BASE + 10, same);
  EXPECT_EQ(memory_.check().stray_bytes, 1u);
}

TEST_F(MemoryTest, ReportsAChangeThatTookAnotherWay) {
  memory_.watch({BASE + 1000, 1, 4, 4});
  *memory_.at(BASE + 8191) ^= 1;
  EXPECT_EQ(memory_.check().stray_bytes, 1u);
  EXPECT_EQ(memory_.check(BASE + 8000, 192).stray_bytes, 0u);  // the host's own part
}

TEST_F(MemoryTest, ReportsWhatWasNotWritten) {
  memory_.watch({BASE + 1000, 2, 4, 8});
  std::vector<uint8_t> row(4, 5), part(3, 5);
  access(true, BASE + 1000, row);
  access(true, BASE + 1008, part);
  const Memory::Findings findings = memory_.check();
  EXPECT_EQ(findings.unwritten_bytes, 1u);
  EXPECT_EQ(findings.first, "byte 3 of row 1 of C was not written");
}

TEST_F(MemoryTest, CountsWhatWasWrittenTwice) {
  memory_.watch({BASE + 1000, 1, 4, 4});
  std::vector<uint8_t> row(4, 5), part(2, 6);
  access(true, BASE + 1000, row);
  access(true, BASE + 1000, part);
  EXPECT_EQ(memory_.check().rewritten_bytes, 2u);
}

TEST_F(MemoryTest, GivesDirectAccessForReadsOnly) {
  tlm::tlm_generic_payload payload;
  tlm::tlm_dmi dmi;
  payload.set_address(BASE);
  EXPECT_TRUE(memory_.socket.get_base_export()->get_direct_mem_ptr(payload, dmi));
  EXPECT_TRUE(dmi.is_read_allowed());
  EXPECT_FALSE(dmi.is_write_allowed());
  EXPECT_EQ(dmi.get_start_address(), BASE);
  EXPECT_EQ(dmi.get_end_address(), BASE + 8191);
}

}  // namespace
}  // namespace systole::platform
