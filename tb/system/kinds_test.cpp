// SPDX-License-Identifier: Apache-2.0
// Error responses to each kind of LOAD and each type of STORE, and beside the rows of each type of MATMUL: what tb/cover/systole_crosses.sv
// wants to have seen.
#include <gtest/gtest.h>

#include "tb/system/error_bench.hpp"

namespace systole::tb {
namespace {

class KindsTest : public ErrorTest {
 protected:
  struct Kind {
    std::string name;
    Record record;
  };

  /// One word of each place, from regions_.data on.
  std::vector<Kind> loads() const {
    const uint32_t row = 4 * config().cols;
    std::vector<Kind> kinds = {{"activations", load(SYSTOLE_DEST_ACT, regions_.data, config().word_bytes())},
                               {"weights", load(SYSTOLE_DEST_WGT, regions_.data, config().word_bytes())},
                               {"accumulators", load(SYSTOLE_DEST_ACC, regions_.data, row)}};
    const std::pair<uint32_t, uint32_t> banks[] = {{SYSTOLE_BANK_BIAS, row},
                                                   {SYSTOLE_BANK_B_ZERO_POINT, config().cols},
                                                   {SYSTOLE_BANK_SCALE, row},
                                                   {SYSTOLE_BANK_SHIFT, config().cols}};
    for (const auto &[bank, bytes] : banks) {
      kinds.push_back({"bank " + std::to_string(bank), load(SYSTOLE_DEST_PARAM, regions_.data, bytes)});
      put(kinds.back().record, FIELD(SYSTOLE_LOAD_BANK), bank);
    }
    return kinds;
  }

  std::vector<Kind> stores() const {
    std::vector<Kind> kinds;
    for (const uint32_t type :
         {SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8, SYSTOLE_DTYPE_S32, SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16, SYSTOLE_DTYPE_FP32}) {
      if (!config().fp && type != SYSTOLE_DTYPE_S8 && type != SYSTOLE_DTYPE_U8 && type != SYSTOLE_DTYPE_S32) continue;
      Record record = store();
      put(record, FIELD(SYSTOLE_STORE_OUT_DTYPE), type);
      if (type == SYSTOLE_DTYPE_S8 || type == SYSTOLE_DTYPE_U8) {
        put(record, FIELD(SYSTOLE_STORE_REQUANT), SYSTOLE_REQUANT_FLOAT);
        put(record, FIELD(SYSTOLE_STORE_SCALE), 0x3F800000);
        put(record, FIELD(SYSTOLE_STORE_CLAMP_MAX), 100);
      }
      kinds.push_back({"type " + std::to_string(type), record});
    }
    return kinds;
  }

  /// A STORE that no error meets.
  Record store_elsewhere() const {
    Record record = store();
    put(record, FIELD(SYSTOLE_STORE_ADDRESS_LO), (regions_.results + 4096) & 0xFFFFFFFF);
    return record;
  }

  /// Many rows of one type: half of the accumulators.
  std::vector<Kind> matmuls() const {
    std::vector<Kind> kinds;
    for (const uint32_t type : {SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8, SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16}) {
      if (!config().fp && type != SYSTOLE_DTYPE_S8 && type != SYSTOLE_DTYPE_U8) continue;
      Record record = matmul();
      put(record, FIELD(SYSTOLE_MATMUL_A_DTYPE), type);
      put(record, FIELD(SYSTOLE_MATMUL_B_DTYPE), type);
      put(record, FIELD(SYSTOLE_MATMUL_M0), config().acc_rows);
      kinds.push_back({"rows of type " + std::to_string(type), record});
    }
    return kinds;
  }

  void expect_axi_error(Host &host, uint32_t code, uint32_t index, uint64_t address) {
    host.idle();
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_ADDR_LO), static_cast<uint32_t>(address));
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_ADDR_HI), static_cast<uint32_t>(address >> 32));
    expect_error(host, code, index);
  }
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KindsTest);  // binaries of large configurations

TEST_P(KindsTest, AnErrorResponseToEachKindOfCommandIsReported) {
  simulate([&](Host &host) {
    for (const platform::Resp response : {platform::RESP_SLVERR, platform::RESP_DECERR}) {
      for (const bool write : {false, true}) {
        for (const Kind &kind : write ? stores() : loads()) {
          SCOPED_TRACE(kind.name + ", response " + std::to_string(response));
          const uint64_t address = write ? regions_.results : regions_.data;
          rtl_->port().inject(address, address, response, !write, write);
          const uint32_t index = tail_ + 1;
          ring(host, {store_elsewhere(), kind.record, store_elsewhere()});
          expect_axi_error(host, write ? SYSTOLE_ERROR_AXI_STORE : SYSTOLE_ERROR_AXI_LOAD, index, address);
          if (HasFatalFailure()) return;
        }
      }
    }
  });
}

TEST_P(KindsTest, AnErrorResponseBesideRowsOfEachTypeIsReported) {
  simulate([&](Host &host) {
    for (const platform::Resp response : {platform::RESP_SLVERR, platform::RESP_DECERR}) {
      for (const Kind &rows : matmuls()) {
        for (const uint32_t code : {SYSTOLE_ERROR_AXI_FETCH, SYSTOLE_ERROR_AXI_LOAD, SYSTOLE_ERROR_AXI_STORE}) {
          SCOPED_TRACE(rows.name + ", response " + std::to_string(response) + ", error " + std::to_string(code));
          soft_reset(host);
          ring(host, {rows.record});
          for (unsigned i = 0; i < 20; ++i) host.read32(SYSTOLE_REG_STATUS);  // until the rows are on their way
          const uint64_t record = kBase + SYSTOLE_COMMAND_BYTES * (tail_ % entries_);
          const uint64_t address = code == SYSTOLE_ERROR_AXI_FETCH  ? record
                                   : code == SYSTOLE_ERROR_AXI_LOAD ? regions_.data
                                                                    : regions_.results;
          const bool write = code == SYSTOLE_ERROR_AXI_STORE;
          rtl_->port().inject(address, address, response, !write, write);
          const uint32_t index = tail_;
          ring(host, {write ? store() : load(SYSTOLE_DEST_WGT, regions_.data, config().word_bytes())});
          // The MATMUL goes on meanwhile.
          unsigned polls = 0;
          while ((host.read32(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_ERROR_MASK) == 0) ASSERT_LT(++polls, 1000u);
          EXPECT_EQ(host.read32(SYSTOLE_REG_DONE_COMPUTE), 0u);
          expect_axi_error(host, code, index, address);
          if (HasFatalFailure()) return;
        }
      }
    }
  });
}

std::vector<std::string> small_configs() {
  std::vector<std::string> small;
  for (const std::string &name : engine_configs())
    if (platform::find_config(name).rows * platform::find_config(name).cols <= 64) small.push_back(name);
  return small;
}

INSTANTIATE_TEST_SUITE_P(Rtl, KindsTest, testing::ValuesIn(small_configs()),
                         [](const auto &info) { return test_name(info.param); });

}  // namespace
}  // namespace systole::tb
