// SPDX-License-Identifier: Apache-2.0
#include "sim/golden/epilogue.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include "sim/golden/float.hpp"

namespace systole::golden {

namespace {

constexpr std::uint32_t kSign = 0x80000000, kInfinity = 0x7F800000;

bool is_nan(std::uint32_t bits) { return (bits & ~kSign) > kInfinity; }

bool is_byte(DType type) { return type == DType::s8 || type == DType::u8; }

/// Limits of s8 and u8.
std::int32_t lowest(DType type) { return type == DType::s8 ? -128 : 0; }
std::int32_t highest(DType type) { return type == DType::s8 ? 127 : 255; }

/// The value of a parameter for column j.
template <typename T>
T of_column(const std::vector<T> &values, std::size_t j) {
  return values[values.size() == 1 ? 0 : j];
}

[[noreturn]] void fail(const std::string &what) { throw std::invalid_argument(what); }

std::string quoted(std::uint32_t float_bits) {
  const float value = as_float(float_bits);
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-infinity" : "infinity";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

/// One or n values are there: "<what>: 3 values for 5 columns; give one, or one a column".
template <typename T>
void check_count(const char *what, const std::vector<T> &values, std::size_t n) {
  if (values.size() == 1 || (values.size() == n && n > 0)) return;
  if (values.empty()) fail(std::string(what) + " is missing");
  fail(std::string(what) + ": " + std::to_string(values.size()) + " values for " + std::to_string(n) +
       (n == 1 ? " column" : " columns; give one, or one a column"));
}

template <typename T>
void check_absent(const char *what, const std::vector<T> &values, const std::string &why) {
  if (!values.empty()) fail(std::string(what) + " does not go with " + why);
}

/// " (column 7)" where there are several values.
std::string column(std::size_t j, std::size_t count) { return count > 1 ? " (column " + std::to_string(j) + ")" : ""; }

void check_scale(const std::vector<std::uint32_t> &scale) {
  for (std::size_t j = 0; j < scale.size(); ++j) {
    if (scale[j] == 0 || scale[j] >= kInfinity)  // also everything with the sign set
      fail("scale " + quoted(scale[j]) + column(j, scale.size()) + " is not a positive, finite number");
  }
}

void check_multiplier(const std::vector<std::int32_t> &multiplier) {
  for (std::size_t j = 0; j < multiplier.size(); ++j) {
    if (multiplier[j] < 0)
      fail("multiplier " + std::to_string(multiplier[j]) + column(j, multiplier.size()) + " is not in 0 to 2147483647");
  }
}

void check_shift(const std::vector<std::int32_t> &shift) {
  for (std::size_t j = 0; j < shift.size(); ++j) {
    if (shift[j] < -31 || shift[j] > 30)
      fail("shift " + std::to_string(shift[j]) + column(j, shift.size()) + " is not in -31 to 30");
  }
}

void check_bounds(const Epilogue &e) {
  if (e.out == DType::s32) {
    if (e.clamp_min || e.clamp_max) fail("clamp bounds do not go with a result of type int32");
    return;
  }
  if (is_byte(e.out)) {
    for (const auto &[what, bits] : {std::pair{"clamp minimum ", e.low()}, std::pair{"clamp maximum ", e.high()}}) {
      const auto bound = static_cast<std::int32_t>(bits);
      if (bound < lowest(e.out) || bound > highest(e.out))
        fail(what + std::to_string(bound) + " is not in the range of " + name(e.out) + ", " + std::to_string(lowest(e.out)) +
             " to " + std::to_string(highest(e.out)));
    }
    const auto low = static_cast<std::int32_t>(e.low()), high = static_cast<std::int32_t>(e.high());
    if (low > high) fail("clamp minimum " + std::to_string(low) + " is above the maximum " + std::to_string(high));
    return;
  }
  if (is_nan(e.low())) fail("clamp minimum is NaN");
  if (is_nan(e.high())) fail("clamp maximum is NaN");
  if (as_float(e.low()) > as_float(e.high()))
    fail("clamp minimum " + quoted(e.low()) + " is above the maximum " + quoted(e.high()));
}

}  // namespace

std::int32_t requant_float(std::int32_t acc, std::uint32_t scale, std::int32_t zero_point, std::int32_t qmin, std::int32_t qmax) {
  const float t = static_cast<float>(acc) * as_float(scale);
  const float low = static_cast<float>(qmin - zero_point), high = static_cast<float>(qmax - zero_point);
  return static_cast<std::int32_t>(std::nearbyint(std::min(std::max(t, low), high))) + zero_point;
}

std::int32_t requant_fixed(std::int32_t acc, std::int32_t multiplier, std::int32_t shift, std::int32_t zero_point,
                           std::int32_t qmin, std::int32_t qmax) {
  const int left = std::max(shift, 0), right = std::max(-shift, 0);
  const auto x = static_cast<std::int32_t>(static_cast<std::uint32_t>(acc) << left);
  // A shift to the right of a negative number rounds down, that is, to the floor. |x| <= 2^31 and a multiplier below 2^31 keep h in
  // the int32 range: the saturation of the definition never happens.
  const std::int64_t h = (std::int64_t{x} * multiplier + (std::int64_t{1} << 30)) >> 31;
  const std::int64_t half = right == 0 ? 0 : std::int64_t{1} << (right - 1);
  const std::int64_t r = h >= 0 ? (h + half) >> right : -((-h + half) >> right);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(r + zero_point, qmin, qmax));
}

std::uint32_t Epilogue::low() const {
  if (clamp_min) return *clamp_min;
  if (is_byte(out)) return static_cast<std::uint32_t>(lowest(out));
  return is_float(out) ? kSign | kInfinity : 0;
}

std::uint32_t Epilogue::high() const {
  if (clamp_max) return *clamp_max;
  if (is_byte(out)) return static_cast<std::uint32_t>(highest(out));
  return is_float(out) ? kInfinity : 0;
}

std::uint32_t Epilogue::scale_word(std::size_t j) const {
  if (rule == Requant::floating) return of_column(scale, j);
  return rule == Requant::fixed ? static_cast<std::uint32_t>(of_column(multiplier, j)) : 0;
}

std::int32_t Epilogue::shift_of(std::size_t j) const { return rule == Requant::fixed ? of_column(shift, j) : 0; }

void validate(const Epilogue &e, DType operands, std::size_t n) {
  const std::string result = std::string("a result of type ") + name(e.out);
  if (is_float(operands) != is_float(e.out))
    fail(result + " does not go with operands of type " + name(operands) +
         (is_float(operands) ? " (fp32, fp16 or bf16 does)" : " (int32, int8 or uint8 does)"));
  if (is_byte(e.out)) {
    if (e.rule == Requant::floating) {
      check_absent("multiplier", e.multiplier, "the requantisation rule float");
      check_absent("shift", e.shift, "the requantisation rule float");
      check_count("scale", e.scale, n);
      check_scale(e.scale);
    } else if (e.rule == Requant::fixed) {
      check_absent("scale", e.scale, "the requantisation rule fixed");
      check_count("multiplier", e.multiplier, n);
      check_count("shift", e.shift, n);
      check_multiplier(e.multiplier);
      check_shift(e.shift);
    } else {
      fail(result + " needs a requantisation rule, float or fixed");
    }
    if (e.zero_point < lowest(e.out) || e.zero_point > highest(e.out))
      fail("the result's zero point " + std::to_string(e.zero_point) + " is not in the range of " + name(e.out) + ", " +
           std::to_string(lowest(e.out)) + " to " + std::to_string(highest(e.out)));
  } else {
    if (e.rule != Requant::none) fail("a requantisation rule does not go with " + result);
    check_absent("scale", e.scale, result);
    check_absent("multiplier", e.multiplier, result);
    check_absent("shift", e.shift, result);
    if (e.zero_point != 0) fail("a zero point does not go with " + result);
  }
  check_bounds(e);
}

void apply(const Epilogue &e, std::size_t m, std::size_t n, const std::uint32_t *sums, std::uint8_t *c) {
  const std::size_t bytes = size(e.out);
  const std::uint32_t low = e.low(), high = e.high();
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const std::uint32_t sum = sums[i * n + j];
      std::uint32_t result = sum;
      switch (e.out) {
        case DType::s32: break;
        case DType::fp32: result = clamp(sum, low, high); break;
        case DType::fp16:
        case DType::bf16: result = narrow(e.out, clamp(sum, low, high)); break;
        case DType::s8:
        case DType::u8: {
          const auto acc = static_cast<std::int32_t>(sum), qmin = static_cast<std::int32_t>(low),
                     qmax = static_cast<std::int32_t>(high);
          const std::int32_t q = e.rule == Requant::fixed ? requant_fixed(acc, of_column(e.multiplier, j), of_column(e.shift, j),
                                                                          e.zero_point, qmin, qmax)
                                                          : requant_float(acc, of_column(e.scale, j), e.zero_point, qmin, qmax);
          result = static_cast<std::uint32_t>(q);
          break;
        }
      }
      for (std::size_t byte = 0; byte < bytes; ++byte) {
        c[(i * n + j) * bytes + byte] = static_cast<std::uint8_t>(result >> (8 * byte));
      }
    }
  }
}

}  // namespace systole::golden
