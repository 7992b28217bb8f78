// The article's head: q[r][a] = f[r] · (W[a] + b[a]), there and back.
#include "prelude.cuh"

KERNEL factored(u32 rows, u32 actions, const float *__restrict__ weight, const float *__restrict__ bias,
                const float *__restrict__ f, float *__restrict__ q) {
    u32 row = blockIdx.x, action = blockIdx.y * blockDim.x + threadIdx.x;
    if (action < actions) q[(u64)row * actions + action] = f[row] * (weight[action] + bias[action]);
}

// df[r]: one chain over the actions. A warp owns 32 rows, a lane one of them; dq passes through shared memory.
KERNEL factored_state(u32 rows, u32 actions, const float *__restrict__ weight, const float *__restrict__ bias,
                      const float *__restrict__ dq, float *__restrict__ df) {
    __shared__ float tile[WARP][WARP + 1], item[WARP];
    u32 lane = threadIdx.x, first = blockIdx.x * WARP;
    float chain = 0.0f;
    for (u32 start = 0; start < actions; start += WARP) {
        for (u32 r = 0; r < WARP; ++r) {
            bool inside = first + r < rows && start + lane < actions;
            tile[r][lane] = inside ? dq[(u64)(first + r) * actions + start + lane] : 0.0f;
        }
        item[lane] = start + lane < actions ? weight[start + lane] + bias[start + lane] : 0.0f;
        __syncthreads();
        u32 count = actions - start < WARP ? actions - start : WARP;
        for (u32 a = 0; a < count; ++a) chain = fmaf(tile[lane][a], item[a], chain);
        __syncthreads();
    }
    if (first + lane < rows) df[first + lane] = chain;
}

// ∂W = ∂b: one chain over the rows for each action.
KERNEL factored_item(u32 rows, u32 actions, const float *__restrict__ f, const float *__restrict__ dq,
                     float *__restrict__ weight, float *__restrict__ bias) {
    u32 action = blockIdx.x * blockDim.x + threadIdx.x;
    if (action >= actions) return;
    float chain = 0.0f;
#pragma unroll 8
    for (u32 row = 0; row < rows; ++row) chain = fmaf(f[row], dq[(u64)row * actions + action], chain);
    weight[action] = chain;
    bias[action] = chain;
}
