// SPDX-License-Identifier: Apache-2.0
// What the four-state run starts from and must end with: xrun_image CONFIG FOLDER writes FOLDER/memory.hex (the ring, as the driver fills it,
// and the operands), expected.hex (C of the golden model), both by $readmemh with addresses and without any other byte, and prints the
// number of records.
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "firmware/include/systole_regs.h"
#include "sim/platform/gemm.hpp"
#include "sim/record/record.hpp"
#include "sim/tool/test_data.hpp"

namespace {

using namespace systole;

constexpr uint64_t kBase = 0x12'0000'0000, kJob = 0x4000;

class HexFile {
 public:
  explicit HexFile(const std::string &name) : file_(std::fopen(name.c_str(), "w")) {
    if (file_ == nullptr) throw std::runtime_error("cannot write " + name);
  }
  HexFile(const HexFile &) = delete;
  HexFile &operator=(const HexFile &) = delete;
  ~HexFile() {
    if (file_ != nullptr) std::fclose(file_);
  }
  void bytes(uint64_t address, const uint8_t *data, size_t count) {
    std::fprintf(file_, "@%llx\n", static_cast<unsigned long long>(address - kBase));
    for (size_t i = 0; i < count; ++i) std::fprintf(file_, "%02x\n", data[i]);
  }
  void close() {
    if (std::fclose(std::exchange(file_, nullptr)) != 0) throw std::runtime_error("cannot write a file");
  }

 private:
  std::FILE *file_;
};

/// Zero points, a bias and requantisation by column; a matrix of seeds. Ragged in every direction; in floating point but for K (xrun.py).
platform::GemmJob job(tool::Random &values, const platform::ConfigInfo &config, unsigned i) {
  const uint32_t m = 5, n = config.cols + 2, k = config.fp ? 3 * config.rows : config.rows + 3;
  platform::GemmJob job =
      config.fp ? tool::float_product(values, golden::DType::fp16, i == 0 ? golden::DType::bf16 : golden::DType::fp32, m, n, k)
                : tool::int_product(values, m, n, k);
  job.a_gap = 3;
  job.b_gap = 2;
  job.c_gap = 5;
  if (i != 0) {
    job.seed = config.fp ? tool::float_seeds(values, size_t{m} * n) : values.words(size_t{m} * n);
    return job;
  }
  job.bias = config.fp ? tool::float_seeds(values, n) : values.words(n);
  if (config.fp) return job;
  job.a_zp = 7;
  job.b_zp.clear();
  for (uint32_t column = 0; column < n; ++column) job.b_zp.push_back(values.zero_point(job.b_type));
  job.epilogue.out = golden::DType::s8;
  job.epilogue.rule = golden::Requant::fixed;
  for (uint32_t column = 0; column < n; ++column) {
    job.epilogue.multiplier.push_back(0x4000'0000 + static_cast<int32_t>(column));
    job.epilogue.shift.push_back(-24);
  }
  return job;
}

void write(const platform::ConfigInfo &config, const std::string &folder) {
  HexFile memory(folder + "/memory.hex"), expected(folder + "/expected.hex");
  record::Recorder recorder(config);
  tool::Random values(20240607);
  for (unsigned i = 0; i < 2; ++i) {
    platform::RunOptions where;
    where.config = config.name;
    where.memory_base = kBase + (i + 1) * kJob;
    where.layout_seed = 11 + i;
    where.ring_entries_log2 = 0;
    const platform::GemmJob product = job(values, config, i);
    validate(product, config);
    const platform::MemoryImage image = operand_image(where, {product}, 0);
    if (image.base + image.bytes.size() > where.memory_base + kJob) throw std::logic_error("a job does not fit in its place");
    const systole_gemm_t gemm = placed_gemm(where, product);
    recorder.add(gemm);
    const auto rows = [&](HexFile &file, const uint8_t *from, uint64_t address, size_t count, size_t bytes, int64_t pitch) {
      for (size_t row = 0; row < count; ++row) {
        const uint64_t at = address + row * static_cast<uint64_t>(pitch);
        file.bytes(at, from != nullptr ? from + row * bytes : &image.bytes[at - image.base], bytes);
      }
    };
    const size_t element = golden::size(product.a_type), n = product.n;
    rows(memory, nullptr, gemm.a, product.m, product.k * element, gemm.a_pitch);
    rows(memory, nullptr, gemm.b, product.n, product.k * element, gemm.b_pitch);
    if (gemm.b_zero_points != 0) rows(memory, nullptr, gemm.b_zero_points, 1, n, 0);
    if (gemm.bias != 0) rows(memory, nullptr, gemm.bias, 1, 4 * n, 0);
    if (gemm.seed != 0) rows(memory, nullptr, gemm.seed, product.m, 4 * n, gemm.seed_pitch);
    if (gemm.epilogue.scales != 0) rows(memory, nullptr, gemm.epilogue.scales, 1, 4 * n, 0);
    if (gemm.epilogue.shifts != 0) rows(memory, nullptr, gemm.epilogue.shifts, 1, n, 0);
    const std::vector<uint8_t> c = golden_result(product);
    rows(expected, c.data(), gemm.c, product.m, n * golden::size(product.epilogue.out), gemm.c_pitch);
  }
  timing::Program program = recorder.take();
  for (size_t i = 0; i < program.records.size(); ++i) {
    timing::Record &record = program.records[i];
    systole_field_set(record.data(), SYSTOLE_CMD_IRQ_WORD, SYSTOLE_CMD_IRQ_LSB, SYSTOLE_CMD_IRQ_WIDTH,
                      i + 1 == program.records.size());
    uint8_t bytes[SYSTOLE_COMMAND_BYTES];
    for (unsigned b = 0; b < sizeof bytes; ++b) bytes[b] = static_cast<uint8_t>(record[b / 4] >> (8 * (b % 4)));
    memory.bytes(kBase + i * sizeof bytes, bytes, sizeof bytes);
  }
  memory.close();
  expected.close();
  std::cout << program.records.size() << '\n';
}

}  // namespace

int main(int argc, char **argv) {
  try {
    if (argc != 3) throw std::invalid_argument("xrun_image CONFIG FOLDER");
    write(platform::find_config(argv[1]), argv[2]);
    return 0;
  } catch (const std::exception &error) {
    std::cerr << "xrun_image: " << error.what() << '\n';
    return 2;
  }
}
