// Cross-entropy search: a thread for each number proposed, a warp for each row to choose among them.
#include "prelude.cuh"

KERNEL propose(u32 rows, u32 count, u32 width, u32 reals, const float *__restrict__ observation,
               const float *__restrict__ mean, const float *__restrict__ deviation, const float *__restrict__ draws,
               float *__restrict__ x) {
    u32 at = blockIdx.x * blockDim.x + threadIdx.x, length = width + reals;
    if (at >= rows * count * length) return;
    u32 pair = at / length, i = at % length, row = pair / count;
    if (i < width) {
        x[at] = observation[(u64)row * width + i];
        return;
    }
    u32 real = i - width;
    float number = mean[(u64)row * reals + real];
    if (deviation != 0) {
        number = number + deviation[(u64)row * reals + real] * draws[(u64)(pair % count) * reals + real];
    }
    x[at] = number < -1.0f ? -1.0f : number > 1.0f ? 1.0f : number;
}

// The k largest of each row, best first, a warp for each row; among equals the lower index first, and a NaN is never one of
// them. `count` stands for no index.
KERNEL top(u32 rows, u32 count, u32 k, const float *__restrict__ q, u32 *__restrict__ index) {
    u32 row = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (row >= rows) return;
    const float *numbers = q + (u64)row * count;
    u32 first = 0, last = count;
    float limit = 0.0f;
    for (u32 place = 0; place < k; ++place) {
        u32 best = count;
        float largest = 0.0f;
        for (u32 i = lane; i < count; i += WARP) {
            float number = numbers[i];
            bool left = last == count ? number == number : number < limit || (number == limit && i > last);
            if (left && (best == count || number > largest)) {
                best = i;
                largest = number;
            }
        }
        for (u32 apart = WARP / 2; apart > 0; apart /= 2) {
            u32 other = __shfl_xor_sync(ALL, best, apart);
            float number = __shfl_xor_sync(ALL, largest, apart);
            bool ahead = best == count || number > largest || (number == largest && other < best);
            if (other < count && ahead) {
                best = other;
                largest = number;
            }
        }
        if (place == 0) first = best == count ? 0 : best;
        if (best < count) {
            last = best;
            limit = largest;
        }
        if (lane == 0) index[(u64)row * k + place] = best == count ? first : best;
    }
}

KERNEL refit(u32 rows, u32 count, u32 width, u32 reals, u32 k, const u32 *__restrict__ elite,
             const float *__restrict__ q, const float *__restrict__ x, float *__restrict__ mean,
             float *__restrict__ deviation, float *__restrict__ best, float *__restrict__ value) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x, length = width + reals;
    if (row >= rows) return;
    const u32 *chosen = elite + (u64)row * k;
    const float *pairs = x + (u64)row * count * length + width;
    value[row] = q[(u64)row * count + chosen[0]];
    for (u32 i = 0; i < reals; ++i) {
        float sum = 0.0f, squares = 0.0f;
        for (u32 e = 0; e < k; ++e) sum = sum + pairs[(u64)chosen[e] * length + i];
        float middle = sum / (float)k;
        for (u32 e = 0; e < k; ++e) {
            float off = pairs[(u64)chosen[e] * length + i] - middle;
            squares = squares + off * off;
        }
        mean[(u64)row * reals + i] = middle;
        deviation[(u64)row * reals + i] = sqrtf(squares / (float)k);
        best[(u64)row * reals + i] = pairs[(u64)chosen[0] * length + i];
    }
}
