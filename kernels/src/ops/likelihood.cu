// Minus the log-likelihood of the actions taken: a warp for each transition, then one warp for the sum over the batch.
#include "prelude.cuh"

KERNEL likelihood(u32 size, u32 actions, float share, u32 adds, const u32 *__restrict__ action,
                  const float *__restrict__ x, float *__restrict__ dx, float *__restrict__ gap) {
    u32 i = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (i >= size) return;
    const float *row = x + (u64)i * actions;
    float *slopes = dx + (u64)i * actions;
    u32 taken = action[i];
    float most = row[argmax(row, actions)];
    float sum = 0.0f;
    for (u32 start = 0; start < actions; start += WARP) {
        float own = start + lane < actions ? exponential(row[start + lane] - most) : 0.0f;
        u32 count = actions - start < WARP ? actions - start : WARP;
        for (u32 j = 0; j < count; ++j) sum += __shfl_sync(ALL, own, j);
    }
    if (lane == 0) gap[i] = (most - row[taken]) + logarithm(sum);
    float slope = share / (float)size;
    for (u32 a = lane; a < actions; a += WARP) {
        float by = slope * (exponential(row[a] - most) / sum - (a == taken ? 1.0f : 0.0f));
        slopes[a] = adds ? slopes[a] + by : by;
    }
}

KERNEL likelihood_summary(u32 size, float share, const float *__restrict__ gap, float *__restrict__ summary) {
    __shared__ float means[2];
    batch_means(size, [&](u32 i) { return gap[i]; }, [](u32) { return 0.0f; }, means);
    if (threadIdx.x == 0) summary[0] = summary[0] + share * means[0];
}
