// Noisy layers: a thread for each factor or parameter.
#include "prelude.cuh"

// f(x) = sgn(x) sqrt|x| of one standard normal per input and output of a layer; number i is word i of the stream.
KERNEL noise(u32 count, u32 key0, u32 key1, u32 row, u32 counter, const u32 *__restrict__ clock,
             float *__restrict__ factors) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    Stream stream = stream_at(key0, key1, row, counter, clock[counter], PURPOSE_NOISE);
    stream.block += i / 4;
    for (u32 skipped = 0; skipped < i % 4; ++skipped) word(stream);
    float x = normal(stream);
    factors[i] = x < 0.0f ? -sqrtf(-x) : sqrtf(x);
}

KERNEL noisy_copy(u32 len, const float *__restrict__ mu, float *__restrict__ effective) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) effective[i] = mu[i];
}

KERNEL noisy_zero(u32 len, float *__restrict__ numbers) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) numbers[i] = 0.0f;
}

// The noise of parameter i of a layer: its weights, row by row, then its biases.
INLINE float epsilon(const float *factors, u32 inputs, u32 outputs, u32 i) {
    float input = i < inputs * outputs ? factors[i / outputs] : 1.0f;
    return input * factors[inputs + i % outputs];
}

KERNEL perturb(u32 inputs, u32 outputs, const float *__restrict__ factors, const float *__restrict__ sigma,
               float *__restrict__ effective) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < (inputs + 1) * outputs) effective[i] += sigma[i] * epsilon(factors, inputs, outputs, i);
}

KERNEL perturb_back(u32 inputs, u32 outputs, const float *__restrict__ factors, const float *__restrict__ by_mu,
                    float *__restrict__ by_sigma) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < (inputs + 1) * outputs) by_sigma[i] = by_mu[i] * epsilon(factors, inputs, outputs, i);
}
