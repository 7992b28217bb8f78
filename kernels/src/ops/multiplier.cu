// A Lagrange multiplier: one warp moves it by the costs of the newest slot, then a thread for each transition pays.
#include "prelude.cuh"

KERNEL raise_multiplier(u32 slots, u32 rows, u32 width, u32 first, float limit, float rate,
                        const float *__restrict__ observation, const u8 *__restrict__ stage,
                        const u32 *__restrict__ clock, float *__restrict__ multiplier) {
    u32 lane = threadIdx.x;
    u64 newest = ((u64)clock[STEPS] + slots - 1) % slots * rows;
    float sum = 0.0f;
    u32 count = 0;
    for (u32 start = 0; start < rows; start += WARP) {
        u32 row = start + lane;
        bool counts = row < rows && stage[newest + row] != FIRST;
        float slack = counts ? limit - observation[(newest + row) * width + first] : 0.0f;
        u32 which = __ballot_sync(ALL, counts);
        count += __popc(which);
        for (u32 j = 0; j < WARP; ++j) {
            float own = __shfl_sync(ALL, slack, j);
            if (which >> j & 1u) sum += own;
        }
    }
    if (lane == 0 && count > 0) {
        float moved = multiplier[0] - rate * (sum / (float)count);
        multiplier[0] = moved > 0.0f ? moved : 0.0f;
    }
}

KERNEL charge(u32 size, u32 width, u32 first, float limit, float scale, const float *__restrict__ multiplier,
              const float *__restrict__ next, float *__restrict__ reward) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    float price = scale * multiplier[0];
    reward[i] = reward[i] + price * (limit - next[(u64)i * width + first]);
}
