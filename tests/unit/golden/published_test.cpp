// SPDX-License-Identifier: Apache-2.0
// Integer products and both requantisation rules against results that other projects publish (tests/data, each folder with its
// sources): sums and epilogue together, every byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "sim/golden/gemm.hpp"

namespace systole::golden {
namespace {

/// A case of a data file: keys, each with its words. '#' starts a comment.
using Case = std::map<std::string, std::vector<std::string>>;

std::vector<Case> read_cases(const std::string &name) {
  const std::string path = std::string(SYSTOLE_TEST_DATA) + "/" + name;
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::vector<Case> cases;
  std::string line, key;
  while (std::getline(file, line)) {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) {
      const bool is_value = std::isdigit(static_cast<unsigned char>(word.back())) != 0 &&
                            (std::isdigit(static_cast<unsigned char>(word[0])) != 0 || word[0] == '-');
      const bool names_something = key == "case" || key == "a_type" || key == "b_type" || key == "c_type" || key == "rule";
      if (is_value || (names_something && cases.back()[key].empty())) {
        cases.back()[key].push_back(word);
        continue;
      }
      if (word == "case") cases.emplace_back();
      key = word;
      EXPECT_FALSE(cases.empty()) << path << ": " << word;
      EXPECT_EQ(cases.back().count(key), 0U) << path << ": " << word << " twice";
      cases.back()[key];
    }
  }
  return cases;
}

std::vector<std::int32_t> integers(const Case &c, const std::string &key) {
  std::vector<std::int32_t> values;
  for (const std::string &word : c.at(key)) values.push_back(static_cast<std::int32_t>(std::strtol(word.c_str(), nullptr, 10)));
  return values;
}

std::vector<std::uint8_t> bytes(const std::vector<std::int32_t> &values) {
  std::vector<std::uint8_t> out;
  for (const std::int32_t v : values) out.push_back(static_cast<std::uint8_t>(v));
  return out;
}

float real(const std::string &word) { return std::strtof(word.c_str(), nullptr); }

DType type_of(const Case &c, const std::string &key) {
  for (const DType type : {DType::s8, DType::u8, DType::s32}) {
    if (c.at(key)[0] == name(type)) return type;
  }
  ADD_FAILURE() << c.at(key)[0];
  return DType::s32;
}

/// Runs every case of a file; how many results there were.
std::size_t check_file(const std::string &file, std::size_t expected_cases) {
  const std::vector<Case> cases = read_cases(file);
  EXPECT_EQ(cases.size(), expected_cases);
  std::size_t results = 0;
  for (const Case &c : cases) {
    SCOPED_TRACE(file + ": " + c.at("case")[0]);
    const std::vector<std::int32_t> shape = integers(c, "shape");
    const auto m = static_cast<std::size_t>(shape.at(0)), n = static_cast<std::size_t>(shape.at(1)),
               k = static_cast<std::size_t>(shape.at(2));

    const std::vector<std::uint8_t> a = bytes(integers(c, "a"));
    std::vector<std::uint8_t> b;
    if (c.count("b") != 0) {
      b = bytes(integers(c, "b"));
    } else {  // K x N: transpose
      const std::vector<std::uint8_t> kn = bytes(integers(c, "b_kn"));
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t x = 0; x < k; ++x) b.push_back(kn.at(x * n + j));
      }
    }
    std::vector<std::int32_t> b_zero_points = integers(c, "b_zero_point");
    if (b_zero_points.size() == 1) b_zero_points.resize(n, b_zero_points[0]);
    const std::vector<std::int32_t> bias = c.count("bias") != 0 ? integers(c, "bias") : std::vector<std::int32_t>(n, 0);
    EXPECT_EQ(a.size(), m * k);
    EXPECT_EQ(b.size(), n * k);
    EXPECT_EQ(b_zero_points.size(), n);
    EXPECT_EQ(bias.size(), n);
    std::vector<std::int32_t> sums(m * n);
    const auto pitch = static_cast<std::ptrdiff_t>(k);
    gemm_int(m, n, k, Operand{a.data(), type_of(c, "a_type") == DType::s8, pitch},
             Operand{b.data(), type_of(c, "b_type") == DType::s8, pitch}, integers(c, "a_zero_point").at(0), b_zero_points.data(),
             nullptr, bias.data(), sums.data());

    Epilogue epilogue;
    epilogue.out = type_of(c, "c_type");
    if (epilogue.out != DType::s32) {
      epilogue.zero_point = integers(c, "c_zero_point").at(0);
      if (c.at("rule")[0] == "fixed") {
        epilogue.rule = Requant::fixed;
        epilogue.multiplier = integers(c, "multiplier");
        epilogue.shift = integers(c, "shift");
        const std::vector<std::int32_t> bounds = integers(c, "clamp");
        epilogue.clamp_min = static_cast<std::uint32_t>(bounds.at(0));
        epilogue.clamp_max = static_cast<std::uint32_t>(bounds.at(1));
      } else {
        epilogue.rule = Requant::floating;
        // ONNX Runtime's CPU kernel combines the three scales in binary32: a_scale * b_scale / c_scale.
        for (const std::string &b_scale : c.at("b_scale"))
          epilogue.scale.push_back(as_bits(real(c.at("a_scale")[0]) * real(b_scale) / real(c.at("c_scale")[0])));
      }
    }
    validate(epilogue, type_of(c, "a_type"), n);
    std::vector<std::uint8_t> got(m * n * size(epilogue.out));
    std::vector<std::uint32_t> words(sums.size());
    std::memcpy(words.data(), sums.data(), sums.size() * sizeof sums[0]);
    apply(epilogue, m, n, words.data(), got.data());

    const std::vector<std::int32_t> expected = integers(c, "c");
    EXPECT_EQ(expected.size(), m * n);
    for (std::size_t i = 0; i < std::min(expected.size(), m * n); ++i) {
      std::int32_t value = 0;
      if (epilogue.out == DType::s32)
        std::memcpy(&value, &got[4 * i], sizeof value);
      else
        value = epilogue.out == DType::s8 ? static_cast<std::int8_t>(got[i]) : got[i];
      EXPECT_EQ(value, expected[i]) << "row " << i / n << ", column " << i % n;
    }
    results += expected.size();
  }
  return results;
}

TEST(PublishedResultsTest, CmsisNnFullyConnected) { EXPECT_EQ(check_file("cmsis-nn/fully_connected.txt", 4), 44U); }
TEST(PublishedResultsTest, CmsisNnConvolution1x1PerChannel) { EXPECT_EQ(check_file("cmsis-nn/convolution_1x1.txt", 1), 98U); }
TEST(PublishedResultsTest, OnnxRuntimeQLinearMatMul) { EXPECT_EQ(check_file("onnxruntime/qlinearmatmul.txt", 11), 74U); }
TEST(PublishedResultsTest, OnnxNodeTestQLinearMatMul) { EXPECT_EQ(check_file("onnx/qlinearmatmul.txt", 1), 6U); }
TEST(PublishedResultsTest, OnnxNodeTestMatMulInteger) { EXPECT_EQ(check_file("onnx/matmulinteger.txt", 1), 8U); }

}  // namespace
}  // namespace systole::golden
