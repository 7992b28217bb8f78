// Values of items by inner products: a warp for each state, whose lanes hold numbers of one item or of one candidate each.
#include "prelude.cuh"

KERNEL meet(u32 size, u32 dims, const u32 *__restrict__ action, const float *__restrict__ items,
            const float *__restrict__ x, float *__restrict__ q) {
    u32 i = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (i >= size) return;
    const float *state = x + (u64)i * (dims + 1), *item = items + (u64)action[i] * dims;
    float sum = state[dims];
    for (u32 start = 0; start < dims; start += WARP) {
        float product = start + lane < dims ? state[start + lane] * item[start + lane] : 0.0f;
        u32 count = dims - start < WARP ? dims - start : WARP;
        for (u32 j = 0; j < count; ++j) sum += __shfl_sync(ALL, product, j);
    }
    if (lane == 0) q[i] = sum;
}

KERNEL meet_back(u32 size, u32 dims, const u32 *__restrict__ action, const float *__restrict__ items,
                 const float *__restrict__ dq, float *__restrict__ dx) {
    u32 at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size * (dims + 1)) return;
    u32 i = at / (dims + 1), j = at % (dims + 1);
    dx[at] = j == dims ? dq[i] : dq[i] * items[(u64)action[i] * dims + j];
}

KERNEL draw_candidates(u32 items, u32 dims, u32 count, u32 key0, u32 key1, const u32 *__restrict__ clock,
                       const float *__restrict__ vectors, float *__restrict__ drawn) {
    u32 candidate = blockIdx.x * blockDim.x + threadIdx.x;
    if (candidate >= count) return;
    u32 item = candidate;
    if (count < items) {
        Stream stream = stream_at(key0, key1, candidate, 1, clock[UPDATES], PURPOSE_SAMPLE);
        item = below(stream, items);
    }
    for (u32 j = 0; j < dims; ++j) drawn[(u64)j * count + candidate] = vectors[(u64)item * dims + j];
}

INLINE float value_of(const float *state, const float *drawn, u32 dims, u32 count, u32 candidate) {
    float sum = state[dims];
    for (u32 j = 0; j < dims; ++j) sum += state[j] * drawn[(u64)j * count + candidate];
    return sum;
}

KERNEL best_candidate(u32 size, u32 dims, u32 count, const float *__restrict__ drawn,
                      const float *__restrict__ chooser, const float *__restrict__ valuer,
                      float *__restrict__ value) {
    u32 i = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (i >= size) return;
    u32 best = 0;
    float most = -INFINITE;
    for (u32 candidate = lane; candidate < count; candidate += WARP) {
        float own = value_of(chooser + (u64)i * (dims + 1), drawn, dims, count, candidate);
        if (own > most) {
            most = own;
            best = candidate;
        }
    }
    best = best_of_warp(most, best);
    if (lane == 0) value[i] = value_of(valuer + (u64)i * (dims + 1), drawn, dims, count, best);
}

KERNEL choose_found(u32 rows, u32 actions, const u32 *__restrict__ found, const u32 *__restrict__ clock, u32 key0,
                    u32 key1, float from, float to, u32 over, u32 *__restrict__ action) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    u32 step = clock[STEPS], item = found[row];
    float epsilon = ramp(from, to, over, step);
    if (epsilon > 0.0f) {
        Stream stream = stream_at(key0, key1, row, 0, step, PURPOSE_EXPLORE);
        if (bernoulli(stream, epsilon)) item = below(stream, actions);
    }
    action[row] = item;
}
