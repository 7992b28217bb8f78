// What the kernels share: the numbers of `envs::rng` and `envs::math`, the same operations in the same order.
//
// Compiled with --fmad=false: a product is rounded before it is added unless the text says fmaf. The type names are
// those of Rust, so that a kernel reads like the body that defines it.
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define KERNEL extern "C" __global__ void
#define INLINE __device__ __forceinline__
#define WARP 32u
#define ALL 0xffffffffu
#define INFINITE __int_as_float(0x7f800000)

// Indices into the clock, and bytes of a stage.
#define UPDATES 0
#define STEPS 1
#define TERMINATED 2
INLINE bool is_last(u8 stage) { return stage >= TERMINATED; }

// Random numbers by address: Philox4x32-10 (envs/src/rng).

#define PURPOSE_EXPLORE 3u
#define PURPOSE_SAMPLE 4u

struct Stream {
    u32 key0, key1, row, episode, step, block;
    u32 words0, words1, words2, words3, next;
};

INLINE Stream stream_at(u32 key0, u32 key1, u32 row, u32 episode, u32 step, u32 purpose) {
    Stream stream = {key0, key1, row, episode, step, purpose << 24, 0, 0, 0, 0, 4};
    return stream;
}

INLINE u32 word(Stream &stream) {
    if (stream.next == 4) {
        u32 a = stream.row, b = stream.episode, c = stream.step, d = stream.block;
        u32 k0 = stream.key0, k1 = stream.key1;
#pragma unroll
        for (int round = 0; round < 10; ++round) {
            u32 high0 = __umulhi(a, 0xD2511F53u), low0 = a * 0xD2511F53u;
            u32 high1 = __umulhi(c, 0xCD9E8D57u), low1 = c * 0xCD9E8D57u;
            a = high1 ^ b ^ k0;
            b = low1;
            c = high0 ^ d ^ k1;
            d = low0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        stream.words0 = a;
        stream.words1 = b;
        stream.words2 = c;
        stream.words3 = d;
        stream.block = (stream.block & 0xff000000u) | ((stream.block + 1) & 0x00ffffffu);
        stream.next = 0;
    }
    u32 next = stream.next++;
    return next == 0 ? stream.words0 : next == 1 ? stream.words1 : next == 2 ? stream.words2 : stream.words3;
}

INLINE u64 word64(Stream &stream) {
    u64 low = word(stream);
    return low | (u64)word(stream) << 32;
}

// A uniform integer below n (Lemire).
INLINE u32 below(Stream &stream, u32 n) {
    u64 product = (u64)word(stream) * n;
    if ((u32)product < n) {
        u32 threshold = (0u - n) % n;
        while ((u32)product < threshold) product = (u64)word(stream) * n;
    }
    return (u32)(product >> 32);
}

INLINE u64 below64(Stream &stream, u64 n) {
    u64 draw = word64(stream);
    u64 low = draw * n, high = __umul64hi(draw, n);
    if (low < n) {
        u64 threshold = (0ull - n) % n;
        while (low < threshold) {
            draw = word64(stream);
            low = draw * n;
            high = __umul64hi(draw, n);
        }
    }
    return high;
}

INLINE bool bernoulli(Stream &stream, float p) { return (double)word(stream) < (double)p * 4294967296.0; }

// Exponentials and logarithms (envs/src/math/exponential.rs, logarithm.rs, power.rs).

#define LN_2_HIGH_64 0.6931471803691238
#define LN_2_LOW_64 1.9082149292705877e-10
#define LOG2_E_64 1.44269504088896340736
#define ROUND_64 6755399441055744.0

INLINE double power_of_two64(int k) { return __longlong_as_double((long long)(k + 1023) << 52); }

INLINE double exp64(double x) {
    x = x > 710.0 ? 710.0 : x;
    x = x < -746.0 ? -746.0 : x;
    double rounded = x * LOG2_E_64 + ROUND_64;
    double k = rounded - ROUND_64;
    double high = x - k * LN_2_HIGH_64;
    double low = k * LN_2_LOW_64;
    double r = high - low;
    double square = r * r;
    double fourth = square * square;
    double lower = (0.5 + 0.16666666666666688 * r) + square * (0.041666666666666824 + 0.008333333333313896 * r);
    double middle = (0.0013888888888778006 + 0.00019841269903348891 * r)
        + square * (2.4801587558577806e-5 + 2.755722867989902e-6 * r);
    double upper = (2.7557067782981514e-7 + 2.511397506386758e-8 * r) + square * 2.097881656593048e-9;
    double rest = lower + fourth * (middle + fourth * upper);
    double power = 1.0 + (high + (square * rest - low));
    int whole = (int)__double_as_longlong(rounded);
    int half = whole >> 1;
    return power * power_of_two64(half) * power_of_two64(whole - half);
}

// x is positive and finite.
INLINE double ln64(double x) {
    const u64 least = 0x3fe6a09e667f3bcdull;
    bool subnormal = x < 2.2250738585072014e-308;
    u64 bits = (u64)__double_as_longlong(subnormal ? x * 18014398509481984.0 : x);
    u64 above = bits - least;
    double k = (double)((int)((long long)above >> 52) - (subnormal ? 54 : 0));
    double f = __longlong_as_double((long long)((above & 0x000fffffffffffffull) + least)) - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double rest = z * (((0.6666666666666735 + z * 0.39999999999409336) + w * (0.2857142874369247 + z * 0.22222198428193188))
        + w * w * ((0.1818357240234432 + z * 0.15313830827653283) + w * 0.14798273032050557));
    double half_square = 0.5 * f * f;
    return k * LN_2_HIGH_64 - ((half_square - (s * (half_square + rest) + k * LN_2_LOW_64)) - f);
}

// x^y for y finite.
INLINE float power(float x, float y) {
    double base = x, exponent = y;
    if (x > 0.0f && x < INFINITE) return (float)exp64(exponent * ln64(base));
    if (exponent == 0.0) return 1.0f;
    if (!(x == x)) return x;
    bool integer = exponent == trunc(exponent);
    bool odd = integer && 0.5 * exponent != trunc(0.5 * exponent);
    double magnitude = fabs(base);
    double result;
    if (magnitude == 0.0 || magnitude == (double)INFINITE) {
        result = (magnitude == 0.0) == (exponent > 0.0) ? 0.0 : (double)INFINITE;
    } else if (integer) {
        result = exp64(exponent * ln64(magnitude));
    } else {
        return __int_as_float(0x7fc00000);
    }
    return (float)((__double_as_longlong(base) < 0 && odd) ? -result : result);
}

// A number that goes linearly from `from` to `to` over `over` counts.
INLINE float ramp(float from, float to, u32 over, u32 count) {
    return count >= over ? to : from + (to - from) * ((float)count / (float)over);
}

// The lowest index of the largest number, for all lanes of a warp; a NaN is never larger than anything, and a row
// without any number above minus infinity gives 0.
INLINE u32 argmax(const float *row, u32 length) {
    u32 index = 0;
    float best = -INFINITE;
    for (u32 i = threadIdx.x % WARP; i < length; i += WARP) {
        float number = row[i];
        if (number > best) {
            best = number;
            index = i;
        }
    }
    for (u32 apart = WARP / 2; apart > 0; apart /= 2) {
        float other = __shfl_xor_sync(ALL, best, apart);
        u32 place = __shfl_xor_sync(ALL, index, apart);
        if (other > best || (other == best && place < index)) {
            best = other;
            index = place;
        }
    }
    return index;
}
