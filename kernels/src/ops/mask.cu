// Actions that are not to be chosen: by what is on offer, a thread for each value; by what is likely, a warp for each row.
#include "prelude.cuh"

KERNEL close(u32 rows, u32 actions, u32 length, u32 width, u32 first, const float *__restrict__ observation,
             float *__restrict__ values) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= rows * actions) return;
    u32 row = i / actions, action = i - row * actions;
    if (observation[(u64)row * width + first + action] == 0.0f) values[(u64)row * length + action] = -INFINITE;
}

KERNEL close_unlikely(u32 rows, u32 actions, float floor, const float *__restrict__ logits,
                      float *__restrict__ values) {
    u32 row = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (row >= rows) return;
    const float *own = logits + (u64)row * actions;
    float most = own[argmax(own, actions)];
    for (u32 a = lane; a < actions; a += WARP) {
        if (own[a] - most < floor) values[(u64)row * actions + a] = -INFINITE;
    }
}
