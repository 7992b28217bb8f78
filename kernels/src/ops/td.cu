// Temporal difference: a warp for each transition, then one warp for the sums over the batch.
#include "prelude.cuh"

KERNEL td(u32 size, u32 actions, float huber, u32 chosen, const u32 *__restrict__ action,
          const float *__restrict__ reward, const float *__restrict__ discount, const float *__restrict__ weight,
          const float *__restrict__ q, const float *__restrict__ next_target, const float *__restrict__ next_choice,
          float *__restrict__ dq, float *__restrict__ error) {
    u32 i = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (i >= size) return;
    float target = reward[i];
    if (discount[i] != 0.0f) {
        u32 best = argmax(next_choice + (u64)i * actions, actions);
        target = target + discount[i] * next_target[(u64)i * actions + best];
    }
    u32 taken = chosen ? 0 : action[i];
    u64 at = chosen ? i : (u64)i * actions + taken;
    float difference = q[at] - target;
    float clipped = difference > huber ? huber : difference < -huber ? -huber : difference;
    float slope = weight[i] * clipped / (float)size;
    if (chosen) {
        if (lane == 0) dq[i] = slope;
    } else {
        float *row = dq + (u64)i * actions;
        for (int a = (int)lane - (int)lead(row); a < (int)actions; a += WARP) {
            if (a >= 0) row[a] = a == (int)taken ? slope : 0.0f;
        }
    }
    if (lane == 0) error[i] = fabsf(difference);
}

// [loss, mean Q(s, a)]: lane 0 adds the losses, lane 1 the values, in index order.
KERNEL td_summary(u32 size, u32 actions, float huber, u32 chosen, const u32 *__restrict__ action,
                  const float *__restrict__ weight, const float *__restrict__ q, const float *__restrict__ error,
                  float *__restrict__ summary) {
    __shared__ float tile[2][WARP + 1];
    u32 lane = threadIdx.x;
    float sum = 0.0f;
    for (u32 start = 0; start < size; start += WARP) {
        u32 i = start + lane;
        if (i < size) {
            float by = error[i];
            tile[0][lane] = weight[i] * (by > huber ? huber * (by - 0.5f * huber) : 0.5f * (by * by));
            tile[1][lane] = q[chosen ? i : (u64)i * actions + action[i]];
        }
        __syncthreads();
        u32 count = size - start < WARP ? size - start : WARP;
        if (lane < 2) {
            for (u32 j = 0; j < count; ++j) sum += tile[lane][j];
        }
        __syncthreads();
    }
    if (lane < 2) summary[lane] = sum / (float)size;
}
