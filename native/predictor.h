// A network packed for prediction: immutable, no allocation per call, safe to use from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "buffer.h"
#include "engine.h"
#include "predict_kernels.h"

namespace hardzero {

enum class Precision { float32, bfloat16, int8 };

// From this many samples on, weights are reused across a minibatch in cache, if all hidden units are
// rectifiers; hardzero.predictor has a way of its own for others.
constexpr Index kLeastMinibatch = 4;

// What a hidden layer does to its pre-activations. `parameters` are those of the function
// (hardzero.activations). Of softplus: hardness, and from where on it is the rectifier. Of lif: refractory
// time, time constant, offset of the potential over threshold, gap to reset, resistance.
struct Activation {
  enum class Kind { rectifier, tanh, logistic, softplus, identity, lif } kind;
  bool alternating;  // every second unit of a rectifier is multiplied by -1
  std::vector<float> parameters;

  bool is_rectifier() const { return kind == Kind::rectifier; }
  float operator()(float z) const;
};

// From scores to predictions.
enum class OutputKind { identity, softmax, logistic, exponential };

class Predictor {
 public:
  Predictor(Precision precision, OutputKind output, const Kernels& kernels);

  // Append a layer; `activation` null for the output layer. `weights` is row-major with rows `stride` apart.
  void add_layer(const float* weights, Index stride, Index n_inputs, Index n_outputs, const float* bias,
                 const Activation* activation);

  Index n_features() const { return layers_.front().n_inputs; }
  Index n_outputs() const { return layers_.back().n_outputs; }
  Index n_layers() const { return static_cast<Index>(layers_.size()); }
  std::size_t bytes() const;

  // Dense samples, rows contiguous and `stride` apart. Writes (n_samples, n_outputs) scores, through the
  // output function if `predictions`. `active`, unless null, gets (n_samples, n_layers) counts of each
  // layer's non-zero inputs.
  void run(const float* samples, Index stride, Index n_samples, bool predictions, int n_threads,
           float* output, std::int32_t* active) const;

  // The same for CSR samples.
  void run_csr(const std::int32_t* row_start, const std::int32_t* index, const float* value, Index n_samples,
               bool predictions, int n_threads, float* output, std::int32_t* active) const;

 private:
  struct Layer {
    Index n_inputs, n_outputs;
    Index width;       // columns in whole groups
    Index row_stride;  // elements of the packed type
    std::shared_ptr<Memory> weights;
    std::vector<float> row_scale;  // int8 only
    std::vector<float> bias;
    std::vector<float> signs;  // empty: all +1
    bool is_output;
    Activation activation;
  };
  struct Scratch;

  void one_sample(Scratch& scratch, Index n_active, bool predictions, float* output,
                  std::int32_t* active) const;
  void add_rows(const Layer& layer, Scratch& scratch, Index n_active) const;
  static QuantizedUnits quantize(Scratch& scratch, Index n_active, float largest);
  Index list_nonzeros(Scratch& scratch, const float* values, Index n_values) const;
  Index list_sample(Scratch& scratch, const float* sample) const;
  Index list_csr(Scratch& scratch, const std::int32_t* index, const float* value, Index count) const;
  Index activate(const Layer& layer, Scratch& scratch) const;
  bool uses_minibatches(Index n_samples, const std::int32_t* active) const;
  // `take(engine, first, count)` makes rows of samples; `list(scratch, sample)` lists the non-zeros of one
  // and returns how many they are.
  template <class Take, class List>
  void run_samples(Index n_samples, bool predictions, int n_threads, float* output, std::int32_t* active,
                   const Take& take, const List& list) const;
  void minibatches(Index n_samples, bool predictions, int n_threads, float* output,
                   const std::function<Rows(Engine&, Index, Index)>& take) const;
  void minibatch(Engine& engine, Rows rows, bool predictions, float* output) const;
  void finish(float* scores, bool predictions) const;
  Scratch& scratch() const;
  Engine& engine(int n_threads) const;

  Precision precision_;
  OutputKind output_;
  const Kernels& kernels_;
  const PredictKernels& predict_kernels_;
  bool multiplies_bytes_;
  std::vector<Layer> layers_;
  Index widest_ = 0;
};

}  // namespace hardzero
