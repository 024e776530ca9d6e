/// Requantizes accumulators: y = clamp(round(acc * multiplier / 2^shift) + zero_point, lowest, highest).
/// One result a cycle, 3 cycles of latency, back-pressure without loss. Equals round_multiply and requantize of
/// base/include/dyad/base/dyadic.hpp. Page: docs/rtl/dyadic_requantizer.md.
module dyadic_requantizer #(
    /// 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Bits of the accumulator, 2 to 32, two's complement.
    parameter int unsigned AccWidth = 32,
    /// Bits of the multiplier, 2 to 32, two's complement; its most negative value is not allowed.
    parameter int unsigned MultiplierWidth = 32,
    /// Bits of the bounds and of the result, 2 to 32, two's complement.
    parameter int unsigned OutWidth = 32
) (
    /// Clock.
    input  logic                       clk_i,
    /// Synchronous reset, active low.
    input  logic                       rst_ni,
    /// An accumulator is offered.
    input  logic                       in_valid_i,
    /// The accumulator is taken.
    output logic                       in_ready_o,
    /// Accumulator, signed.
    input  logic [AccWidth-1:0]        in_acc_i,
    /// Multiplier, signed.
    input  logic [MultiplierWidth-1:0] in_multiplier_i,
    /// Exponent of the divisor, 0 to 62.
    input  logic [5:0]                 in_shift_i,
    /// Zero point of the output, signed.
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

  // Stage 1: the exact product.
  logic [ValueWidth-1:0]   value;
  logic [ProductWidth-1:0] product_d, product_q;
  logic [5:0]              product_shift_q;
  logic [31:0]             product_zero_point_q;
  logic [OutWidth-1:0]     product_lowest_q, product_highest_q;

  if (Rounding == 4) begin : gen_saturating_shift
    saturating_shift #(.AccWidth(AccWidth)) u_shift (
      .acc_i  (in_acc_i),
      .shift_i(in_shift_i),
      .value_o(value)
    );
  end else begin : gen_value
    assign value = in_acc_i;
  end
  assign product_d = ProductWidth'($signed(value)) * ProductWidth'($signed(in_multiplier_i));

  always_ff @(posedge clk_i) begin
    if (product_ready) begin
      product_q            <= product_d;
      product_shift_q      <= in_shift_i;
      product_zero_point_q <= in_zero_point_i;
      product_lowest_q     <= in_lowest_i;
      product_highest_q    <= in_highest_i;
    end
  end

  // Stage 2: the rounded quotient.
  logic [ProductWidth-1:0] rounded_d, rounded_q;
  logic [31:0]             rounded_zero_point_q;
  logic [OutWidth-1:0]     rounded_lowest_q, rounded_highest_q;

  dyadic_round #(.Rounding(Rounding), .ProductWidth(ProductWidth)) u_round (
    .product_i(product_q),
    .shift_i  (product_shift_q),
    .rounded_o(rounded_d)
  );

  always_ff @(posedge clk_i) begin
    if (rounded_ready) begin
      rounded_q            <= rounded_d;
      rounded_zero_point_q <= product_zero_point_q;
      rounded_lowest_q     <= product_lowest_q;
      rounded_highest_q    <= product_highest_q;
    end
  end

  // Stage 3: zero point and clamp.
  logic [OutWidth-1:0] clamped_d, clamped_q;

  dyadic_clamp #(.ValueWidth(ProductWidth), .OutWidth(OutWidth)) u_clamp (
    .value_i     (rounded_q),
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
  `include "dyadic_requantizer_props.svh"
`endif
endmodule
