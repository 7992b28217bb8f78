// Fractions of quantiles: a thread for each row, feature or product.
#include "prelude.cuh"

KERNEL fractions(u32 rows, u32 count, u32 key0, u32 key1, u32 copy, const u32 *__restrict__ clock,
                 float *__restrict__ tau) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    Stream stream = stream_at(key0, key1, row, copy, clock[UPDATES], PURPOSE_FRACTION);
    for (u32 i = 0; i < count; ++i) tau[(u64)row * count + i] = uniform(stream);
}

// The binary digits of 2/pi after 64 zeros (envs/src/math/trigonometric.rs).
__constant__ u64 TWO_OVER_PI[8] = {0x0000000000000000ull, 0xa2f9836e4e441529ull, 0xfc2757d1f534ddc0ull,
                                   0xdb6295993c439041ull, 0xfe5163abdebbc561ull, 0xb7246e3a424dd2e0ull,
                                   0x06492eea09d1921cull, 0xfe1deb1cb129a73eull};

INLINE u64 digits(u32 first) {
    u32 at = first / 64, shift = first % 64;
    return TWO_OVER_PI[at] << shift | TWO_OVER_PI[at + 1] >> 1 >> (63 - shift);
}

// Cosine of an angle that is finite and not negative.
INLINE float cosine(float x) {
    float r = x;
    u32 quadrant = 0;
    if (x > 0.78539816f) {
        u32 bits = __float_as_uint(x);
        u64 mantissa = (bits & 0x007fffffu) | 0x00800000u;
        u32 first = (bits >> 23) + 62 - 150;
        u64 turns = mantissa * digits(first) + ((mantissa * (digits(first + 64) >> 32)) >> 32);
        u64 quarter = (turns + (1ull << 61)) >> 62;
        double remainder = (double)(long long)(turns - (quarter << 62));
        r = (float)(remainder * (1.57079632679489661923 / 4611686018427387904.0));
        quadrant = (u32)quarter;
    }
    float z = r * r, value;
    if ((quadrant & 1) == 0) {
        float half = 0.5f * z, begin = 1.0f - half;
        value = begin
            + (((1.0f - begin) - half) + z * z * (0.041666646f + z * (-0.001388731f + z * 2.4432327e-5f)));
    } else {
        value = r + r * z * ((-0.16666667f + z * 0.008333379f) + z * z * (-0.00019853064f + z * 2.8325103e-6f));
    }
    return ((quadrant + 1) & 2) == 0 ? value : -value;
}

KERNEL cosines(u32 n, u32 width, const float *__restrict__ tau, float *__restrict__ features) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n * width) features[i] = cosine((3.14159274101257324f * (float)(i % width)) * tau[i / width]);
}

KERNEL modulate(u32 rows, u32 count, u32 width, const float *__restrict__ state, const float *__restrict__ embedding,
                float *__restrict__ product) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < rows * count * width) product[i] = state[i / (count * width) * width + i % width] * embedding[i];
}

// A thread for each number of a state: its sum over the fractions runs in their order.
KERNEL modulate_back(u32 rows, u32 count, u32 width, const float *__restrict__ state,
                     const float *__restrict__ embedding, const float *__restrict__ dproduct,
                     float *__restrict__ dstate, float *__restrict__ dembedding) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= rows * width) return;
    float sum = 0.0f, own = state[i];
    for (u32 j = 0; j < count; ++j) {
        u64 at = ((u64)(i / width) * count + j) * width + i % width;
        dembedding[at] = dproduct[at] * own;
        sum = fmaf(dproduct[at], embedding[at], sum);
    }
    dstate[i] = sum;
}
