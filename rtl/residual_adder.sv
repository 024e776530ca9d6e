/// Adds two requantized operands: y = clamp(round(main * m / 2^s) + round(identity * n / 2^t) + zero_point, lowest, highest).
/// One result a cycle, 3 cycles of latency, back-pressure without loss. The integer layer kAdd of base/include/dyad/base/integer_layer.hpp;
/// with a zero point of 0 and bounds of 32 bits residual_add of base/include/dyad/base/dyadic.hpp. Page: docs/rtl/residual_adder.md.
module residual_adder #(
    /// 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Bits of the operands, 2 to 32, two's complement.
    parameter int unsigned AccWidth = 32,
    /// Bits of the multipliers, 2 to 32, two's complement; their most negative value is not allowed.
    parameter int unsigned MultiplierWidth = 32,
    /// Bits of the bounds and of the result, 2 to 32, two's complement.
    parameter int unsigned OutWidth = 32
) (
    /// Clock.
    input  logic                       clk_i,
    /// Synchronous reset, active low.
    input  logic                       rst_ni,
    /// Two operands are offered.
    input  logic                       in_valid_i,
    /// They are taken.
    output logic                       in_ready_o,
    /// First operand, signed.
    input  logic [AccWidth-1:0]        in_main_i,
    /// Its multiplier, signed.
    input  logic [MultiplierWidth-1:0] in_main_multiplier_i,
    /// Exponent of its divisor, 0 to 62.
    input  logic [5:0]                 in_main_shift_i,
    /// Second operand, signed.
    input  logic [AccWidth-1:0]        in_identity_i,
    /// Its multiplier, signed.
    input  logic [MultiplierWidth-1:0] in_identity_multiplier_i,
    /// Exponent of its divisor, 0 to 62.
    input  logic [5:0]                 in_identity_shift_i,
    /// Zero point of the output, signed: the sum of both requantizations'.
    input  logic [31:0]                in_zero_point_i,
    /// Smallest result, signed; at most in_highest_i.
    input  logic [OutWidth-1:0]        in_lowest_i,
    /// Largest result, signed.
    input  logic [OutWidth-1:0]        in_highest_i,
    /// A result is offered.
    output logic                       out_valid_o,
    /// The result is taken.
    input  logic                       out_ready_i,
    /// Result, signed.
    output logic [OutWidth-1:0]        out_data_o
);
  if (AccWidth < 2 || AccWidth > 32 || MultiplierWidth < 2 || MultiplierWidth > 32) begin : gen_bad_width
    $error("AccWidth and MultiplierWidth are 2 to 32");
  end

  localparam int unsigned ValueWidth   = (Rounding == 4) ? 32 : AccWidth;
  localparam int unsigned FullWidth    = ValueWidth + MultiplierWidth - 1;
  localparam int unsigned ProductWidth = (FullWidth < 32) ? 32 : FullWidth;
  localparam int unsigned SumWidth     = ProductWidth + 1;

  // Handshake: a stage loads when it is empty or its successor takes what it holds.
  logic product_valid_q, rounded_valid_q, clamped_valid_q;
  logic product_ready, rounded_ready, clamped_ready;
  assign clamped_ready = ~clamped_valid_q | out_ready_i;
  assign rounded_ready = ~rounded_valid_q | clamped_ready;
  assign product_ready = ~product_valid_q | rounded_ready;
  assign in_ready_o    = product_ready;
  assign out_valid_o   = clamped_valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      product_valid_q <= 1'b0;
      rounded_valid_q <= 1'b0;
      clamped_valid_q <= 1'b0;
    end else begin
      if (product_ready) product_valid_q <= in_valid_i;
      if (rounded_ready) rounded_valid_q <= product_valid_q;
      if (clamped_ready) clamped_valid_q <= rounded_valid_q;
    end
  end

  // Stage 1: the exact products.
  logic [ValueWidth-1:0]   main_value, identity_value;
  logic [ProductWidth-1:0] main_product_d, main_product_q, identity_product_d, identity_product_q;
  logic [5:0]              main_shift_q, identity_shift_q;
  logic [31:0]             product_zero_point_q;
  logic [OutWidth-1:0]     product_lowest_q, product_highest_q;

  if (Rounding == 4) begin : gen_saturating_shift
    saturating_shift #(.AccWidth(AccWidth)) u_main_shift (
        .acc_i  (in_main_i),
        .shift_i(in_main_shift_i),
        .value_o(main_value)
    );
    saturating_shift #(.AccWidth(AccWidth)) u_identity_shift (
        .acc_i  (in_identity_i),
        .shift_i(in_identity_shift_i),
        .value_o(identity_value)
    );
  end else begin : gen_value
    assign main_value     = in_main_i;
    assign identity_value = in_identity_i;
  end
  assign main_product_d     = ProductWidth'($signed(main_value)) * ProductWidth'($signed(in_main_multiplier_i));
  assign identity_product_d = ProductWidth'($signed(identity_value)) * ProductWidth'($signed(in_identity_multiplier_i));

  always_ff @(posedge clk_i) begin
    if (product_ready) begin
      main_product_q       <= main_product_d;
      main_shift_q         <= in_main_shift_i;
      identity_product_q   <= identity_product_d;
      identity_shift_q     <= in_identity_shift_i;
      product_zero_point_q <= in_zero_point_i;
      product_lowest_q     <= in_lowest_i;
      product_highest_q    <= in_highest_i;
    end
  end

  // Stage 2: the rounded quotients.
  logic [ProductWidth-1:0] main_rounded_d, main_rounded_q, identity_rounded_d, identity_rounded_q;
  logic [31:0]             rounded_zero_point_q;
  logic [OutWidth-1:0]     rounded_lowest_q, rounded_highest_q;

  dyadic_round #(.Rounding(Rounding), .ProductWidth(ProductWidth)) u_main_round (
      .product_i(main_product_q),
      .shift_i  (main_shift_q),
      .rounded_o(main_rounded_d)
  );
  dyadic_round #(.Rounding(Rounding), .ProductWidth(ProductWidth)) u_identity_round (
      .product_i(identity_product_q),
      .shift_i  (identity_shift_q),
      .rounded_o(identity_rounded_d)
  );

  always_ff @(posedge clk_i) begin
    if (rounded_ready) begin
      main_rounded_q       <= main_rounded_d;
      identity_rounded_q   <= identity_rounded_d;
      rounded_zero_point_q <= product_zero_point_q;
      rounded_lowest_q     <= product_lowest_q;
      rounded_highest_q    <= product_highest_q;
    end
  end

  // Stage 3: sum, zero point and clamp. Two quotients and a zero point fit 64 bits: each quotient is at most 2^62 - 2^31 in magnitude.
  logic [SumWidth-1:0] sum;
  logic [OutWidth-1:0] clamped_d, clamped_q;
  assign sum = SumWidth'($signed(main_rounded_q)) + SumWidth'($signed(identity_rounded_q));

  dyadic_clamp #(.ValueWidth(SumWidth), .OutWidth(OutWidth)) u_clamp (
      .value_i     (sum),
      .zero_point_i(rounded_zero_point_q),
      .lowest_i    (rounded_lowest_q),
      .highest_i   (rounded_highest_q),
      .data_o      (clamped_d)
  );

  always_ff @(posedge clk_i) begin
    if (clamped_ready) clamped_q <= clamped_d;
  end
  assign out_data_o = clamped_q;

`ifdef FORMAL_PIPELINE
  `include "residual_adder_props.svh"
`endif
endmodule
