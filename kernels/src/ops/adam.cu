// Adam over the flat parameters: the norm's chunks, what is the same for all parameters, the step.
#include "prelude.cuh"

#define CHAINS 256
#define CHUNK 8192

// What is the same for every parameter in one update.
struct __align__(16) Factors {
    float scale, decay, step, correction;
    u32 copy;
};

INLINE float4 add(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

// The binary tree over 256 chains, of which each of 64 threads has four in a row; the sum is thread 0's. The upper half
// of the chains passes through shared memory, once; the rest stays within the first warp.
INLINE float tree(float4 *upper, float4 chains) {
    if (threadIdx.x >= WARP) upper[threadIdx.x - WARP] = chains;
    __syncthreads();
    if (threadIdx.x >= WARP) return 0.0f;
    chains = add(chains, upper[threadIdx.x]);
#pragma unroll
    for (u32 apart = WARP / 2; apart > 0; apart /= 2) {
        chains = add(chains, make_float4(__shfl_down_sync(ALL, chains.x, apart), __shfl_down_sync(ALL, chains.y, apart),
                                         __shfl_down_sync(ALL, chains.z, apart), __shfl_down_sync(ALL, chains.w, apart)));
    }
    return (chains.x + chains.z) + (chains.y + chains.w);
}

INLINE float4 squares(float4 chains, float4 numbers) {
    return make_float4(fmaf(numbers.x, numbers.x, chains.x), fmaf(numbers.y, numbers.y, chains.y),
                       fmaf(numbers.z, numbers.z, chains.z), fmaf(numbers.w, numbers.w, chains.w));
}

// Four numbers from `i` on; +0 beyond the end.
INLINE float4 four_at(const float *__restrict__ numbers, u32 i, u32 length) {
    return make_float4(i < length ? numbers[i] : 0.0f, i + 1 < length ? numbers[i + 1] : 0.0f,
                       i + 2 < length ? numbers[i + 2] : 0.0f, i + 3 < length ? numbers[i + 3] : 0.0f);
}

// The sum of squares of each chunk: a block for each, a thread for four neighbouring chains.
KERNEL adam_norm(u32 length, const float *__restrict__ gradient, float *__restrict__ chunks) {
    __shared__ float4 upper[WARP];
    u32 first = blockIdx.x * CHUNK, end = length - first < CHUNK ? length : first + CHUNK;
    float4 chains = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    u32 i = first + 4 * threadIdx.x;
#pragma unroll 8
    for (; i + 4 <= end; i += CHAINS) chains = squares(chains, *(const float4 *)(gradient + i));
    // A square of +0 changes no chain, which is never -0.
    if (i < end) chains = squares(chains, four_at(gradient, i, end));
    float sum = tree(upper, chains);
    if (threadIdx.x == 0) chunks[blockIdx.x] = sum;
}

// One block: the norm, the factors; counts the update.
KERNEL adam_factors(u32 count, const float *__restrict__ chunks, float clip, float beta1, float beta2, float from,
                    float to, u32 over, float decay, u32 every, double *__restrict__ powers, u32 *__restrict__ clock,
                    Factors *__restrict__ factors) {
    __shared__ float4 upper[WARP];
    float4 chains = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    for (u32 i = 4 * threadIdx.x; i < count; i += CHAINS) chains = add(chains, four_at(chunks, i, count));
    float norm = __fsqrt_rn(tree(upper, chains));
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

// Numbers that travel together.
struct __align__(16) Four {
    float at[4];
};
struct One {
    float at[1];
};
INLINE void put(float *to, Four four) { __stwb((float4 *)to, make_float4(four.at[0], four.at[1], four.at[2], four.at[3])); }
INLINE void put(float *to, One one) { *to = one.at[0]; }

// One step of neighbouring parameters.
template <typename Numbers>
INLINE void step(const Factors &same, float beta1, float beta2, float epsilon, float l2, u32 every, float share,
                 const float *gradient, float *theta, float *first, float *second, float *target) {
    const u32 count = sizeof(Numbers) / sizeof(float);
    Numbers gradients = *(const Numbers *)gradient, thetas = *(Numbers *)theta;
    Numbers firsts = *(Numbers *)first, seconds = *(Numbers *)second, targets;
    if (every == 0) targets = *(Numbers *)target;
#pragma unroll
    for (u32 i = 0; i < count; ++i) {
        float before = thetas.at[i];
        float g = gradients.at[i] * same.scale + l2 * before;
        float m = beta1 * firsts.at[i] + (1.0f - beta1) * g;
        float v = beta2 * seconds.at[i] + (1.0f - beta2) * (g * g);
        firsts.at[i] = m;
        seconds.at[i] = v;
        thetas.at[i] = (before - same.decay * before) - same.step * m / (__fsqrt_rn(v) * same.correction + epsilon);
    }
    put(first, firsts);
    put(second, seconds);
    put(theta, thetas);
    if (every == 0) {
#pragma unroll
        for (u32 i = 0; i < count; ++i) targets.at[i] = targets.at[i] + share * (thetas.at[i] - targets.at[i]);
        put(target, targets);
    } else if (same.copy) {
        put(target, thetas);
    }
}

// A thread takes four neighbouring parameters.
KERNEL adam(u32 length, const Factors *__restrict__ factors, float beta1, float beta2, float epsilon, float l2,
            u32 every, float share, const float *__restrict__ gradient, float *__restrict__ theta,
            float *__restrict__ first, float *__restrict__ second, float *__restrict__ target) {
    u32 i = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= length) return;
    Factors same = *factors;
    if (i + 4 <= length) {
        step<Four>(same, beta1, beta2, epsilon, l2, every, share, gradient + i, theta + i, first + i, second + i,
                   target + i);
        return;
    }
#pragma unroll 1
    for (; i < length; ++i) {
        step<One>(same, beta1, beta2, epsilon, l2, every, share, gradient + i, theta + i, first + i, second + i,
                  target + i);
    }
}
