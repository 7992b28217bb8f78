// Dueling head: Q = V + A - mean A, there and back. A warp owns 32 rows; their sums run in index order, a lane for each
// row, over tiles in shared memory; then the warp passes over the rows again.
#include "prelude.cuh"

// Sums of `count` numbers each, the rows of `numbers` being `stride` apart, in index order from +0.
INLINE float row_sum(float (*tile)[WARP + 1], const float *__restrict__ numbers, u32 stride, u32 first, u32 rows,
                     u32 count) {
    u32 lane = threadIdx.x;
    float sum = 0.0f;
    for (u32 start = 0; start < count; start += WARP) {
        for (u32 r = 0; r < WARP; ++r) {
            bool inside = first + r < rows && start + lane < count;
            tile[r][lane] = inside ? numbers[(u64)(first + r) * stride + start + lane] : 0.0f;
        }
        __syncthreads();
        u32 part = count - start < WARP ? count - start : WARP;
        for (u32 a = 0; a < part; ++a) sum += tile[lane][a];
        __syncthreads();
    }
    return sum;
}

KERNEL dueling(u32 rows, u32 actions, const float *__restrict__ x, float *__restrict__ q) {
    __shared__ float tile[WARP][WARP + 1];
    u32 lane = threadIdx.x, first = blockIdx.x * WARP, left = rows - first < WARP ? rows - first : WARP;
    float mean = row_sum(tile, x + 1, 1 + actions, first, rows, actions) / (float)actions;
    for (u32 r = 0; r < left; ++r) {
        const float *row = x + (u64)(first + r) * (1 + actions);
        float value = row[0], own = __shfl_sync(ALL, mean, r);
        for (u32 a = lane; a < actions; a += WARP) {
            q[(u64)(first + r) * actions + a] = (value + row[1 + a]) - own;
        }
    }
}

KERNEL dueling_back(u32 rows, u32 actions, const float *__restrict__ dq, float *__restrict__ dx) {
    __shared__ float tile[WARP][WARP + 1];
    u32 lane = threadIdx.x, first = blockIdx.x * WARP, left = rows - first < WARP ? rows - first : WARP;
    float sum = row_sum(tile, dq, actions, first, rows, actions);
    float mean = sum / (float)actions;
    for (u32 r = 0; r < left; ++r) {
        float *row = dx + (u64)(first + r) * (1 + actions);
        float own_sum = __shfl_sync(ALL, sum, r), own_mean = __shfl_sync(ALL, mean, r);
        for (u32 a = lane; a < 1 + actions; a += WARP) {
            row[a] = a == 0 ? own_sum : dq[(u64)(first + r) * actions + a - 1] - own_mean;
        }
    }
}
