#include "predictor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>

#include "flush_denormals.h"
#include "instruction_set.h"
#include "thread_pool.h"

namespace hardzero {

namespace {

// Places beyond the end of a list that kernels write whole vectors to, or read ahead of.
constexpr Index kSlack = 2 * kLineFloats;

// At most this many at once, whose activations the caches and the kept scratch memory hold.
constexpr Index kMostMinibatch = 1024;

// From so many samples a thread on, each thread takes samples of its own through all layers: none waits for
// the others after each layer, and activations stay in the cache of their core.
constexpr Index kFewestOwnSamples = 256;
constexpr Index kMostOwnSamples = 256;

constexpr Index kSamplesPerTask = 4;

float logistic(float z) {
  const float decay = std::exp(-std::fabs(z));
  return (z < 0 ? decay : 1.0f) / (1.0f + decay);
}

std::uint16_t to_bfloat16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace

float Activation::operator()(float z) const {
  switch (kind) {
    case Kind::rectifier:
      return z <= 0 ? 0.0f : z;
    case Kind::tanh:
      return std::tanh(z);
    case Kind::logistic:
      return logistic(z);
    case Kind::softplus:
      if (std::fabs(z) * parameters[0] > parameters[1]) return std::max(z, 0.0f);
      return std::max(z, 0.0f) + std::log1p(std::exp(-std::fabs(z) * parameters[0])) / parameters[0];
    case Kind::identity:
      return z;
    case Kind::lif: {
      const double excess = parameters[2] + static_cast<double>(parameters[4]) * z;
      if (excess <= 0) return 0.0f;
      return static_cast<float>(1.0 / (parameters[0] + parameters[1] * std::log1p(parameters[3] / excess)));
    }
  }
  return z;
}

// One per thread; grows to the largest network it has served.
struct Predictor::Scratch {
  std::vector<std::int32_t> index;
  std::vector<float> value;
  std::vector<float> sums;
  std::vector<float> sample;
  std::vector<std::int32_t> block_start;
  std::vector<std::int8_t> high;
  std::vector<std::int8_t> low;
  Index start = 0;
  Index end = 0;

  WritableRowLists lists() { return {index.data(), value.data(), 0, &start, &end, block_start.data()}; }

  void fit(Index width) {
    if (static_cast<Index>(sums.size()) >= width + kSlack) return;
    const std::size_t size = static_cast<std::size_t>(width + kSlack);
    index.assign(size, 0);
    value.assign(size, 0.0f);
    sample.assign(size, 0.0f);
    high.assign(size, 0);
    low.assign(size, 0);
    block_start.assign(static_cast<std::size_t>(blocks_of(width) + 1), 0);
    // The last: its size tells that memory sufficed for all.
    sums.assign(size, 0.0f);
  }
};

Predictor::Predictor(Precision precision, OutputKind output, const Kernels& kernels)
    : precision_(precision),
      output_(output),
      kernels_(kernels),
      predict_kernels_(*kernels.predict),
      multiplies_bytes_(predict_kernels_.add_rows_dot != nullptr && has_byte_dot_product()) {}

void Predictor::add_layer(const float* weights, Index stride, Index n_inputs, Index n_outputs,
                          const float* bias, const Activation* activation) {
  const Index group = precision_ == Precision::float32    ? kFloat32Group
                      : precision_ == Precision::bfloat16 ? kBfloat16Group
                                                          : kInt8Group;
  Layer layer;
  layer.n_inputs = n_inputs;
  layer.n_outputs = n_outputs;
  layer.width = round_up(n_outputs, group);
  layer.is_output = activation == nullptr;
  layer.activation = activation == nullptr ? Activation{Activation::Kind::identity, false, {}} : *activation;
  layer.bias.assign(static_cast<std::size_t>(layer.width), 0.0f);
  std::copy(bias, bias + n_outputs, layer.bias.begin());
  if (layer.activation.alternating)
    for (Index unit = 0; unit < round_up(n_outputs, kLineFloats); ++unit)
      layer.signs.push_back(unit % 2 == 0 ? 1.0f : -1.0f);

  const Index columns_per_element = precision_ == Precision::float32 ? 1 : group / kLineFloats;
  layer.row_stride = padded_width(layer.width / columns_per_element);
  const std::size_t elements = static_cast<std::size_t>(n_inputs * layer.row_stride + kLineFloats);
  layer.weights = std::make_shared<Memory>(elements * sizeof(float));
  std::memset(layer.weights->data(), 0, elements * sizeof(float));
  auto* const words = static_cast<std::uint32_t*>(layer.weights->data());
  auto* const floats = static_cast<float*>(layer.weights->data());
  for (Index row = 0; row < n_inputs; ++row) {
    const float* const source = weights + row * stride;
    if (precision_ == Precision::float32) {
      std::copy(source, source + n_outputs, floats + row * layer.row_stride);
      continue;
    }
    float largest = 0.0f;
    for (Index j = 0; j < n_outputs; ++j) largest = std::max(largest, std::fabs(source[j]));
    const float scale = largest / 127.0f;
    if (precision_ == Precision::int8) layer.row_scale.push_back(scale);
    for (Index j = 0; j < n_outputs; ++j) {
      const Index part = j % group / kLineFloats;
      std::uint32_t& word = words[row * layer.row_stride + j / group * kLineFloats + j % kLineFloats];
      if (precision_ == Precision::bfloat16) {
        word |= static_cast<std::uint32_t>(to_bfloat16(source[j])) << (16 * part);
      } else {
        const auto rounded = scale > 0 ? static_cast<std::int32_t>(std::lrint(source[j] / scale)) : 0;
        word |= static_cast<std::uint32_t>(rounded + kInt8Zero) << (8 * part);
      }
    }
  }
  widest_ = std::max({widest_, n_inputs, layer.width});
  layers_.push_back(std::move(layer));
}

std::size_t Predictor::bytes() const {
  std::size_t total = 0;
  for (const Layer& layer : layers_)
    total += layer.weights->bytes() + (layer.row_scale.size() + layer.bias.size()) * sizeof(float);
  return total;
}

Predictor::Scratch& Predictor::scratch() const {
  static thread_local Scratch per_thread;
  per_thread.fit(widest_);
  return per_thread;
}

// List the non-zeros of `values`, which is read in whole vectors, and return how many they are.
Index Predictor::list_nonzeros(Scratch& scratch, const float* values, Index n_values) const {
  kernels_.list_nonzeros(values, 0, nullptr, 0, n_values, 0, 1, scratch.lists());
  return scratch.end;
}

Index Predictor::list_sample(Scratch& scratch, const float* sample) const {
  const Index n_features = layers_.front().n_inputs;
  std::copy(sample, sample + n_features, scratch.sample.begin());
  return list_nonzeros(scratch, scratch.sample.data(), n_features);
}

Index Predictor::list_csr(Scratch& scratch, const std::int32_t* index, const float* value,
                          Index count) const {
  std::copy(index, index + count, scratch.index.begin());
  std::copy(value, value + count, scratch.value.begin());
  return count;
}

QuantizedUnits Predictor::quantize(Scratch& scratch, Index n_active, float largest) {
  constexpr Index kTogether = 4;
  const float step = largest / static_cast<float>(kLargestQuantized);
  const float steps = step > 0 ? 1.0f / step : 0.0f;
  std::int32_t high_sum = 0;
  std::int32_t low_sum = 0;
  for (std::size_t i = 0; i < size_of(n_active); ++i) {
    const auto whole = static_cast<std::int32_t>(std::lrintf(scratch.value[i] * steps));
    const std::int32_t high = std::clamp(whole, -kLargestQuantized, kLargestQuantized) >> 7;
    const std::int32_t low = whole - high * kLowValues;
    scratch.high[i] = static_cast<std::int8_t>(high);
    scratch.low[i] = static_cast<std::int8_t>(low);
    high_sum += high;
    low_sum += low;
  }
  const Index count = round_up(n_active, kTogether);
  std::fill(scratch.high.begin() + n_active, scratch.high.begin() + count, std::int8_t{0});
  std::fill(scratch.low.begin() + n_active, scratch.low.begin() + count, std::int8_t{0});
  return {scratch.index.data(),
          scratch.high.data(),
          scratch.low.data(),
          count,
          kInt8Zero * high_sum,
          kInt8Zero * low_sum,
          step};
}

void Predictor::add_rows(const Layer& layer, Scratch& scratch, Index n_active) const {
  // The kernels look some entries ahead to prefetch; let them find a row that exists.
  std::fill_n(scratch.index.begin() + n_active, kLineFloats, 0);
  const ActiveUnits active{scratch.index.data(), scratch.value.data(), n_active};
  const void* const weights = layer.weights->data();
  const auto* const words = static_cast<const std::uint32_t*>(weights);
  switch (precision_) {
    case Precision::float32:
      return predict_kernels_.add_rows_float32(active, static_cast<const float*>(weights), layer.row_stride,
                                               layer.bias.data(), layer.width, 0.0f, scratch.sums.data());
    case Precision::bfloat16:
      return predict_kernels_.add_rows_bfloat16(active, words, layer.row_stride, layer.bias.data(),
                                                layer.width, 0.0f, scratch.sums.data());
    case Precision::int8: {
      float total = 0.0f;
      float largest = 0.0f;
      for (std::size_t i = 0; i < static_cast<std::size_t>(n_active); ++i) {
        scratch.value[i] *= layer.row_scale[static_cast<std::size_t>(scratch.index[i])];
        total += scratch.value[i];
        largest = std::max(largest, std::fabs(scratch.value[i]));
      }
      // Whole numbers cannot stand for NaN or infinity.
      if (multiplies_bytes_ && std::isfinite(total) && n_active <= kMostQuantizedUnits)
        return predict_kernels_.add_rows_dot(quantize(scratch, n_active, largest), words, layer.row_stride,
                                             layer.bias.data(), layer.width, scratch.sums.data());
      return predict_kernels_.add_rows_int8(active, words, layer.row_stride, layer.bias.data(), layer.width,
                                            -kInt8Offset * total, scratch.sums.data());
    }
  }
}

// Turn the sums into the next layer's list of active units.
Index Predictor::activate(const Layer& layer, Scratch& scratch) const {
  if (layer.activation.is_rectifier()) {
    kernels_.rectify(scratch.sums.data(), 0, layer.n_outputs,
                     layer.signs.empty() ? nullptr : layer.signs.data(), 0, 1, scratch.lists());
    return scratch.end;
  }
  for (Index j = 0; j < layer.n_outputs; ++j)
    scratch.sums[static_cast<std::size_t>(j)] = layer.activation(scratch.sums[static_cast<std::size_t>(j)]);
  return list_nonzeros(scratch, scratch.sums.data(), layer.n_outputs);
}

void Predictor::finish(float* scores, bool predictions) const {
  if (!predictions) return;
  const Index n = n_outputs();
  if (output_ == OutputKind::softmax) {
    const float largest = *std::max_element(scores, scores + n);
    float total = 0.0f;
    for (Index j = 0; j < n; ++j) total += scores[j] = std::exp(scores[j] - largest);
    for (Index j = 0; j < n; ++j) scores[j] /= total;
  } else if (output_ == OutputKind::logistic) {
    for (Index j = 0; j < n; ++j) scores[j] = logistic(scores[j]);
  } else if (output_ == OutputKind::exponential) {
    for (Index j = 0; j < n; ++j) scores[j] = std::exp(std::min(scores[j], 88.0f));
  }
}

void Predictor::one_sample(Scratch& scratch, Index n_active, bool predictions, float* output,
                           std::int32_t* active) const {
  for (const Layer& layer : layers_) {
    if (active != nullptr) *active++ = static_cast<std::int32_t>(n_active);
    add_rows(layer, scratch, n_active);
    if (!layer.is_output) n_active = activate(layer, scratch);
  }
  std::copy(scratch.sums.begin(), scratch.sums.begin() + n_outputs(), output);
  finish(output, predictions);
}

bool Predictor::uses_minibatches(Index n_samples, const std::int32_t* active) const {
  const auto is_rectifier = [](const Layer& layer) {
    return layer.is_output || layer.activation.is_rectifier();
  };
  return precision_ == Precision::float32 && n_samples >= kLeastMinibatch && active == nullptr &&
         std::all_of(layers_.begin(), layers_.end(), is_rectifier);
}

template <class Take, class List>
void Predictor::run_samples(Index n_samples, bool predictions, int n_threads, float* output,
                            std::int32_t* active, const Take& take, const List& list) const {
  const FlushDenormals flush;
  if (uses_minibatches(n_samples, active))
    return minibatches(n_samples, predictions, n_threads, output, take);
  const auto chunk = [&](Index task, int) {
    Scratch& own = scratch();
    const Index last = std::min(n_samples, (task + 1) * kSamplesPerTask);
    for (Index i = task * kSamplesPerTask; i < last; ++i)
      one_sample(own, list(own, i), predictions, output + i * n_outputs(),
                 active == nullptr ? nullptr : active + i * n_layers());
  };
  const Index n_tasks = ceil_div(n_samples, kSamplesPerTask);
  if (n_tasks == 1) return chunk(0, 0);
  ThreadPool::instance().run(n_tasks, n_threads, chunk);
}

void Predictor::run(const float* samples, Index stride, Index n_samples, bool predictions, int n_threads,
                    float* output, std::int32_t* active) const {
  const auto take = [&](Engine& own, Index first, Index count) {
    return own.take_dense(samples, stride, n_features(), nullptr, first, count);
  };
  const auto list = [&](Scratch& own, Index i) { return list_sample(own, samples + i * stride); };
  run_samples(n_samples, predictions, n_threads, output, active, take, list);
}

void Predictor::run_csr(const std::int32_t* row_start, const std::int32_t* index, const float* value,
                        Index n_samples, bool predictions, int n_threads, float* output,
                        std::int32_t* active) const {
  const auto take = [&](Engine& own, Index first, Index count) {
    return own.take_csr<std::int32_t>({row_start, index, value, n_features()}, nullptr, first, count);
  };
  const auto list = [&](Scratch& own, Index i) {
    return list_csr(own, index + row_start[i], value + row_start[i], row_start[i + 1] - row_start[i]);
  };
  run_samples(n_samples, predictions, n_threads, output, active, take, list);
}

// Engines keep their scratch memory from call to call: one for each thread that predicts.
Engine& Predictor::engine(int n_threads) const {
  static thread_local std::map<const Kernels*, Engine> per_thread;
  Engine& own = per_thread.try_emplace(&kernels_, n_threads, kernels_).first->second;
  own.set_n_threads(n_threads);
  return own;
}

void Predictor::minibatches(Index n_samples, bool predictions, int n_threads, float* output,
                            const std::function<Rows(Engine&, Index, Index)>& take) const {
  const auto part = [&](Engine& own, Index first, Index count) {
    minibatch(own, take(own, first, std::min(count, n_samples - first)), predictions,
              output + first * n_outputs());
  };
  const Index share = ceil_div(n_samples, n_threads);
  if (n_threads > 1 && share >= kFewestOwnSamples) {
    const Index count = std::min(kMostOwnSamples, share);
    return ThreadPool::instance().run(ceil_div(n_samples, count), n_threads,
                                      [&](Index i, int) { part(engine(1), i * count, count); });
  }
  Engine& own = engine(n_threads);
  for (Index first = 0; first < n_samples; first += kMostMinibatch) part(own, first, kMostMinibatch);
}

void Predictor::minibatch(Engine& engine, Rows rows, bool predictions, float* output) const {
  const Index n_samples = rows.n_rows;
  for (const Layer& layer : layers_) {
    const Weights weights{static_cast<float*>(layer.weights->data()), layer.n_inputs, layer.n_outputs};
    if (layer.is_output) {
      const Matrix scores = engine.affine(rows, weights, layer.bias.data());
      for (Index i = 0; i < n_samples; ++i) {
        std::copy(scores.row(i), scores.row(i) + layer.n_outputs, output + i * layer.n_outputs);
        finish(output + i * layer.n_outputs, predictions);
      }
    } else {
      rows = engine.rectified(rows, weights, layer.bias.data(),
                              layer.signs.empty() ? nullptr : layer.signs.data());
    }
  }
}

}  // namespace hardzero
