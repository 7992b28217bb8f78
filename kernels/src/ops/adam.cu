// Adam over the flat parameters: the norm's chunks, what is the same for all parameters, the step.
#include "prelude.cuh"

#define CHAINS 256
#define CHUNK 8192

// What is the same for every parameter in one update.
struct Factors {
    float scale, decay, step, correction;
    u32 copy;
};

// The binary tree over 256 chains.
INLINE float tree(float *chains) {
    __syncthreads();
    for (u32 half = CHAINS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) chains[threadIdx.x] += chains[threadIdx.x + half];
        __syncthreads();
    }
    return chains[0];
}

// The sum of squares of each chunk: a block for each, a thread for each chain.
KERNEL adam_norm(u32 length, const float *__restrict__ gradient, float *__restrict__ chunks) {
    __shared__ float chains[CHAINS];
    u32 first = blockIdx.x * CHUNK, end = length - first < CHUNK ? length : first + CHUNK;
    float chain = 0.0f;
#pragma unroll 8
    for (u32 i = first + threadIdx.x; i < end; i += CHAINS) chain = fmaf(gradient[i], gradient[i], chain);
    chains[threadIdx.x] = chain;
    float sum = tree(chains);
    if (threadIdx.x == 0) chunks[blockIdx.x] = sum;
}

// One block: the norm, the factors; counts the update.
KERNEL adam_factors(u32 count, const float *__restrict__ chunks, float clip, float beta1, float beta2, float from,
                    float to, u32 over, float decay, u32 every, double *__restrict__ powers, u32 *__restrict__ clock,
                    Factors *__restrict__ factors) {
    __shared__ float chains[CHAINS];
    float chain = 0.0f;
    for (u32 i = threadIdx.x; i < count; i += CHAINS) chain += chunks[i];
    chains[threadIdx.x] = chain;
    float norm = __fsqrt_rn(tree(chains));
    if (threadIdx.x != 0) return;
    float scale = clip < INFINITE ? clip / (norm + 1e-6f) : 1.0f;
    double power1 = powers[0] * (double)beta1, power2 = powers[1] * (double)beta2;
    powers[0] = power1;
    powers[1] = power2;
    u32 updates = clock[UPDATES];
    float rate = ramp(from, to, over, updates);
    clock[UPDATES] = updates + 1;
    factors->scale = scale < 1.0f ? scale : 1.0f;
    factors->decay = rate * decay;
    factors->step = rate / (float)(1.0 - power1);
    factors->correction = 1.0f / __fsqrt_rn((float)(1.0 - power2));
    factors->copy = every != 0 && (updates + 1) % every == 0;
}

// A thread takes four parameters, a block apart, so that the factors are read once for them.
KERNEL adam(u32 length, const Factors *__restrict__ factors, float beta1, float beta2, float epsilon, float l2,
            u32 every, float share, const float *__restrict__ gradient, float *__restrict__ theta,
            float *__restrict__ first, float *__restrict__ second, float *__restrict__ target) {
    Factors same = *factors;
#pragma unroll
    for (u32 turn = 0; turn < 4; ++turn) {
        u32 i = (blockIdx.x * 4 + turn) * blockDim.x + threadIdx.x;
        if (i >= length) return;
        float before = theta[i];
        float g = gradient[i] * same.scale + l2 * before;
        float m = beta1 * first[i] + (1.0f - beta1) * g;
        float v = beta2 * second[i] + (1.0f - beta2) * (g * g);
        float after = (before - same.decay * before) - same.step * m / (__fsqrt_rn(v) * same.correction + epsilon);
        first[i] = m;
        second[i] = v;
        theta[i] = after;
        if (every == 0) {
            float behind = target[i];
            target[i] = behind + share * (after - behind);
        } else if (same.copy) {
            target[i] = after;
        }
    }
}
