// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/check.hpp"

#include <utility>

#include "sim/golden/gemm.hpp"

namespace systole::tool {

namespace {

constexpr std::size_t kShown = 8;

/// What is wrong with the counters of a run, if anything.
std::string counters_report(const platform::GemmResult &result) {
  if (result.cycles == 0 || result.driver_result != 0) return "";
  std::uint64_t sum = 0;
  for (const std::string &cause : kCauses) {
    const auto found = result.counters.find(cause);
    if (found == result.counters.end()) return "the counter " + cause + " is missing";
    sum += found->second;
  }
  if (sum == result.cycles) return "";
  return "the causes add up to " + std::to_string(sum) + ", but doorbell to interrupt took " + std::to_string(result.cycles) +
         " cycles";
}

}  // namespace

const std::vector<std::string> kCauses = {"compute", "command", "weights", "activations", "hazard", "store", "drain"};

std::string Case::dtype() const {
  const std::string a = a_signed ? "int8" : "uint8";
  const std::string b = b_signed ? "int8" : "uint8";
  return a == b ? a : a + "," + b;
}

std::string Case::shape() const { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k); }

std::vector<std::int32_t> golden_result(const platform::GemmJob &job) {
  std::vector<std::int32_t> b_zp(job.n);
  for (std::size_t j = 0; j < b_zp.size(); ++j) b_zp[j] = job.b_zp.size() == 1 ? job.b_zp[0] : job.b_zp[j];
  std::vector<std::int32_t> c(std::size_t{job.m} * job.n);
  golden::gemm_int(job.m, job.n, job.k, golden::Operand{job.a.data(), job.a_signed, static_cast<std::ptrdiff_t>(job.k)},
                   golden::Operand{job.b.data(), job.b_signed, static_cast<std::ptrdiff_t>(job.k)}, job.a_zp, b_zp.data(),
                   job.seed ? job.seed->data() : nullptr, job.bias ? job.bias->data() : nullptr, c.data());
  return c;
}

Case check(const std::string &name, const platform::GemmJob &job, platform::GemmResult result) {
  Case out;
  out.name = name;
  out.m = job.m;
  out.n = job.n;
  out.k = job.k;
  out.a_signed = job.a_signed;
  out.b_signed = job.b_signed;
  const std::vector<std::int32_t> expected = golden_result(job);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // A result that is too short is wrong where it ends.
    const bool there = i < result.c.size();
    if (there && result.c[i] == expected[i]) continue;
    if (out.first.size() < kShown) out.first.push_back(Mismatch{i / job.n, i % job.n, expected[i], there ? result.c[i] : 0});
    ++out.mismatches;
  }
  out.counters_report = counters_report(result);
  out.result = std::move(result);
  return out;
}

}  // namespace systole::tool
