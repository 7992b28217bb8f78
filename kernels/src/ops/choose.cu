// Epsilon-greedy choice: a warp for each row.
#include "prelude.cuh"

KERNEL choose(u32 rows, u32 actions, const float *__restrict__ q, const u32 *__restrict__ clock, u32 key0, u32 key1,
              float from, float to, u32 over, u32 *__restrict__ action) {
    u32 row = (blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    if (row >= rows) return;
    u32 best = argmax(q + (u64)row * actions, actions);
    if (threadIdx.x % WARP != 0) return;
    u32 step = clock[STEPS];
    float epsilon = ramp(from, to, over, step);
    if (epsilon > 0.0f) {
        Stream stream = stream_at(key0, key1, row, 0, step, PURPOSE_EXPLORE);
        if (bernoulli(stream, epsilon)) {
            const float *own = q + (u64)row * actions;
            best = below(stream, actions);
            for (u32 i = 0; i < actions && own[best] == -INFINITE; ++i) best = best + 1 == actions ? 0 : best + 1;
        }
    }
    action[row] = best;
}

// Real numbers: a thread for each row.
KERNEL choose_reals(u32 rows, u32 reals, const float *__restrict__ best, const u32 *__restrict__ clock, u32 key0,
                    u32 key1, float from, float to, u32 over, float spread, float *__restrict__ real) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    u32 step = clock[STEPS];
    float epsilon = ramp(from, to, over, step);
    Stream stream = stream_at(key0, key1, row, 1, step, PURPOSE_EXPLORE);
    bool explores = epsilon > 0.0f && bernoulli(stream, epsilon);
    for (u32 i = row * reals; i < (row + 1) * reals; ++i) {
        float number = explores ? 2.0f * uniform(stream) - 1.0f : best[i];
        if (!explores && spread > 0.0f) number = number + spread * normal(stream);
        real[i] = number < -1.0f ? -1.0f : number > 1.0f ? 1.0f : number;
    }
}
