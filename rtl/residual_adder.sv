/// Adds two operands, each through its own dyadic ratio with one rounding: y = clamp(round(main * mm / 2^ms) + round(identity * mi / 2^si)
/// + zero_point, lowest, highest). One result a cycle, 3 cycles of latency, back-pressure without loss. Equals IntegerOp::kAdd
/// (base/include/dyad/base/integer_layer.hpp) and, with 32-bit bounds and no zero point, residual_add of dyadic.hpp.
/// Page: docs/rtl/residual_adder.md.
module residual_adder #(
    /// 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Bits of the bounds and of the result, 2 to 32, two's complement.
    parameter int unsigned OutWidth = 32
) (
    /// Clock.
    input  logic                clk_i,
    /// Synchronous reset, active low.
    input  logic                rst_ni,
    /// Operands are offered.
    input  logic                in_valid_i,
    /// They are taken.
    output logic                in_ready_o,
    /// Main operand, signed.
    input  logic [31:0]         in_main_i,
    /// Its multiplier, signed; -2^31 is not allowed.
    input  logic [31:0]         in_main_multiplier_i,
    /// Exponent of its divisor, 0 to 62.
    input  logic [5:0]          in_main_shift_i,
    /// The other operand, signed.
    input  logic [31:0]         in_identity_i,
    /// Its multiplier, signed; -2^31 is not allowed.
    input  logic [31:0]         in_identity_multiplier_i,
    /// Exponent of its divisor, 0 to 62.
    input  logic [5:0]          in_identity_shift_i,
    /// Zero point of the sum, signed.
    input  logic [31:0]         in_zero_point_i,
    /// Smallest result, signed; at most in_highest_i.
    input  logic [OutWidth-1:0] in_lowest_i,
    /// Largest result, signed.
    input  logic [OutWidth-1:0] in_highest_i,
    /// A result is offered.
    output logic                out_valid_o,
    /// The result is taken.
    input  logic                out_ready_i,
    /// Result, signed.
    output logic [OutWidth-1:0] out_data_o
);

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
  logic [31:0] main_value, identity_value;
  logic [62:0] main_product_d, identity_product_d, main_product_q, identity_product_q;
  logic [5:0]  main_shift_q, identity_shift_q;
  logic [31:0] product_zero_point_q;
  logic [OutWidth-1:0] product_lowest_q, product_highest_q;

  if (Rounding == 4) begin : gen_saturating_shift
    saturating_shift u_main (.acc_i(in_main_i), .shift_i(in_main_shift_i), .value_o(main_value));
    saturating_shift u_identity (.acc_i(in_identity_i), .shift_i(in_identity_shift_i), .value_o(identity_value));
  end else begin : gen_value
    assign main_value = in_main_i;
    assign identity_value = in_identity_i;
  end
  assign main_product_d     = 63'($signed(main_value)) * 63'($signed(in_main_multiplier_i));
  assign identity_product_d = 63'($signed(identity_value)) * 63'($signed(in_identity_multiplier_i));

  always_ff @(posedge clk_i) begin
    if (product_ready && in_valid_i) begin
      main_product_q       <= main_product_d;
      main_shift_q         <= in_main_shift_i;
      identity_product_q   <= identity_product_d;
      identity_shift_q     <= in_identity_shift_i;
      product_zero_point_q <= in_zero_point_i;
      product_lowest_q     <= in_lowest_i;
      product_highest_q    <= in_highest_i;
    end
  end

  // Stage 2: the rounded quotients and their sum with the zero point.
  logic [62:0]        main_rounded, identity_rounded;
  logic signed [65:0] sum_q;
  logic [OutWidth-1:0] sum_lowest_q, sum_highest_q;

  dyadic_round #(.Rounding(Rounding)) u_round_main (.product_i(main_product_q), .shift_i(main_shift_q), .rounded_o(main_rounded));
  dyadic_round #(.Rounding(Rounding)) u_round_identity (
      .product_i(identity_product_q), .shift_i(identity_shift_q), .rounded_o(identity_rounded)
  );

  always_ff @(posedge clk_i) begin
    if (rounded_ready && product_valid_q) begin
      sum_q         <= 66'($signed(main_rounded)) + 66'($signed(identity_rounded)) + 66'($signed(product_zero_point_q));
      sum_lowest_q  <= product_lowest_q;
      sum_highest_q <= product_highest_q;
    end
  end

  // Stage 3: saturation.
  always_ff @(posedge clk_i) begin
    if (clamped_ready && rounded_valid_q)
      out_data_o <= sum_q < 66'($signed(sum_lowest_q)) ? sum_lowest_q
                  : sum_q > 66'($signed(sum_highest_q)) ? sum_highest_q : sum_q[OutWidth-1:0];
  end

`ifdef FORMAL
  `include "residual_adder_props.svh"
`endif

endmodule
