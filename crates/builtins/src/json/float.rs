//! The digits of floats in JSON.
//!
//! Loitsch's Grisu2 ("Printing floating-point numbers quickly and accurately with integers", 2010)
//! gives digits that read back as the same float; in about one case of a thousand they are not the
//! shortest such digits. The reference uses it, so what it prints can only be had the same way.

/// A number `mantissa * 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: u64,
    exponent: i32,
}

/// Appends a finite float; infinities and NaN become `null`.
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value == 0.0 {
        out.extend_from_slice(b"0.0");
        return;
    }
    let (digits, exponent) = digits_of(value.abs());
    place_point(&digits, exponent, out);
}

/// Lays out `digits * 10^exponent`.
fn place_point(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    let n_digits = digits.len() as i32;
    let point = n_digits + exponent;
    match point {
        _ if n_digits <= point && point <= 15 => {
            out.extend_from_slice(digits);
            out.resize(out.len() + exponent as usize, b'0');
            out.extend_from_slice(b".0");
        }
        1..=15 => {
            out.extend_from_slice(&digits[..point as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[point as usize..]);
        }
        -3..=0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-point) as usize, b'0');
            out.extend_from_slice(digits);
        }
        _ => {
            out.push(digits[0]);
            if n_digits > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            let power = point - 1;
            let sign = if power < 0 { '-' } else { '+' };
            out.extend_from_slice(format!("e{sign}{:02}", power.abs()).as_bytes());
        }
    }
}

/// The decimal digits of a positive float and the power of ten of the last of them.
fn digits_of(value: f64) -> (Vec<u8>, i32) {
    let (low, middle, high) = boundaries(value);
    let (power, decimal) = cached_power(high.exponent);
    let middle = middle.times(power);
    let low = low.times(power).mantissa + 1;
    let high = high.times(power);
    let high = Scaled {
        mantissa: high.mantissa - 1,
        exponent: high.exponent,
    };
    let mut digits = Vec::with_capacity(17);
    let exponent = generate(&mut digits, low, middle.mantissa, high) - decimal;
    (digits, exponent)
}

/// The float and the midpoints to its neighbours, brought to one exponent.
fn boundaries(value: f64) -> (Scaled, Scaled, Scaled) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let biased = (bits >> 52) as i32;
    let exact = if biased == 0 {
        Scaled {
            mantissa: fraction,
            exponent: -1074,
        }
    } else {
        Scaled {
            mantissa: fraction + (1 << 52),
            exponent: biased - 1075,
        }
    };
    let high = Scaled {
        mantissa: 2 * exact.mantissa + 1,
        exponent: exact.exponent - 1,
    }
    .normalized();
    let lower_is_closer = fraction == 0 && biased > 1;
    let low = if lower_is_closer {
        Scaled {
            mantissa: 4 * exact.mantissa - 1,
            exponent: exact.exponent - 2,
        }
    } else {
        Scaled {
            mantissa: 2 * exact.mantissa - 1,
            exponent: exact.exponent - 1,
        }
    };
    let low = Scaled {
        mantissa: low.mantissa << (low.exponent - high.exponent),
        exponent: high.exponent,
    };
    (low, exact.normalized(), high)
}

/// A power of ten that brings a number with this exponent into the range of [`generate`].
fn cached_power(exponent: i32) -> (Scaled, i32) {
    let wanted = -60 - exponent - 1;
    let decimal = wanted * 78_913 / (1 << 18) + i32::from(wanted > 0);
    let idx = (300 + decimal + 7) / 8;
    let decimal = idx * 8 - 300;
    let power = Scaled {
        mantissa: POWERS[idx as usize],
        exponent: ((decimal * 217_706) >> 16) - 63,
    };
    (power, decimal)
}

/// Generates the fewest digits between `low` and `high`, as near to `middle` as they get.
fn generate(digits: &mut Vec<u8>, low: u64, middle: u64, high: Scaled) -> i32 {
    let mut delta = high.mantissa - low;
    let mut distance = high.mantissa - middle;
    let shift = -high.exponent;
    let one = 1u64 << shift;
    let mut whole = (high.mantissa >> shift) as u32;
    let mut rest = high.mantissa & (one - 1);
    let mut n_left = whole.checked_ilog10().map_or(1, |log| log + 1);
    while n_left > 0 {
        n_left -= 1;
        let unit = 10u32.pow(n_left);
        digits.push(b'0' + (whole / unit) as u8);
        whole %= unit;
        let remaining = (u64::from(whole) << shift) + rest;
        if remaining <= delta {
            round(digits, distance, delta, remaining, u64::from(unit) << shift);
            return n_left as i32;
        }
    }
    let mut exponent = 0;
    loop {
        rest *= 10;
        digits.push(b'0' + (rest >> shift) as u8);
        rest &= one - 1;
        exponent -= 1;
        delta *= 10;
        distance *= 10;
        if rest <= delta {
            round(digits, distance, delta, rest, one);
            return exponent;
        }
    }
}

/// Lowers the last digit while that brings the number nearer.
fn round(digits: &mut [u8], distance: u64, delta: u64, mut rest: u64, unit: u64) {
    let last = digits.last_mut().expect("a digit has been generated");
    while rest < distance
        && delta - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        *last -= 1;
        rest += unit;
    }
}

impl Scaled {
    fn normalized(self) -> Self {
        let shift = self.mantissa.leading_zeros();
        Self {
            mantissa: self.mantissa << shift,
            exponent: self.exponent - shift as i32,
        }
    }

    fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa) + (1 << 63);
        Self {
            mantissa: (product >> 64) as u64,
            exponent: self.exponent + other.exponent + 64,
        }
    }
}

/// The mantissas of 10^-300, 10^-292, …, 10^324, rounded to 64 bits.
const POWERS: [u64; 79] = [
    0xab70_fe17_c79a_c6ca,
    0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c,
    0x8dd0_1fad_907f_fc3c,
    0xd351_5c28_3155_9a83,
    0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb,
    0xaecc_4991_4078_536d,
    0x823c_1279_5db6_ce57,
    0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f,
    0xd774_85cb_2582_3ac7,
    0xa086_cfcd_97bf_97f4,
    0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e,
    0x84c8_d4df_d2c6_3f3b,
    0xc5dd_4427_1ad3_cdba,
    0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584,
    0xa3ab_6658_0d5f_daf6,
    0xf3e2_f893_dec3_f126,
    0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b,
    0xc9bc_ff60_34c1_3053,
    0x964e_858c_91ba_2655,
    0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f,
    0xf8a9_5fcf_8874_7d94,
    0xb944_7093_8fa8_9bcf,
    0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6,
    0x993f_e2c6_d07b_7fac,
    0xe45c_10c4_2a2b_3b06,
    0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e,
    0xbce5_0864_9211_1aeb,
    0x8cbc_cc09_6f50_88cc,
    0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000,
    0xe8d4_a510_0000_0000,
    0xad78_ebc5_ac62_0000,
    0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3,
    0x8f7e_32ce_7bea_5c70,
    0xd5d2_38a4_abe9_8068,
    0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27,
    0xb0de_6538_8cc8_ada8,
    0x83c7_088e_1aab_65db,
    0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758,
    0xda01_ee64_1a70_8dea,
    0xa26d_a399_9aef_774a,
    0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877,
    0x865b_8692_5b9b_c5c2,
    0xc835_53c5_c896_5d3d,
    0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3,
    0xa59b_c234_db39_8c25,
    0xf6c6_9a72_a398_9f5c,
    0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2,
    0xcc20_ce9b_d35c_78a5,
    0x9816_5af3_7b21_53df,
    0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396,
    0xfb9b_7cd9_a4a7_443c,
    0xbb76_4c4c_a7a4_4410,
    0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c,
    0x9b10_a4e5_e991_3129,
    0xe710_9bfb_a19c_0c9d,
    0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85,
    0xbf21_e440_03ac_dd2d,
    0x8e67_9c2f_5e44_ff8f,
    0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9,
];
