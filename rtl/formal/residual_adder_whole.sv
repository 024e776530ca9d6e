/// The whole residual adder as one function: a beat with any operands, between beats with any others, comes out three cycles later as its
/// definition says. The definition is stated anew: the products, rounders that add a nudge and shift, the median of three.
/// Stalls are the matter of residual_adder_props.svh.
module residual_adder_whole #(
    /// As residual_adder.
    parameter int unsigned Rounding = 0,
    /// As residual_adder.
    parameter int unsigned AccWidth = 32,
    /// As residual_adder.
    parameter int unsigned MultiplierWidth = 32,
    /// As residual_adder.
    parameter int unsigned OutWidth = 32
) (
    /// Clock.
    input logic                       clk_i,
    /// Operands of the other beats: free.
    input logic [AccWidth-1:0]        other_main_i,
    /// Free.
    input logic [MultiplierWidth-1:0] other_main_multiplier_i,
    /// Free.
    input logic [5:0]                 other_main_shift_i,
    /// Free.
    input logic [AccWidth-1:0]        other_identity_i,
    /// Free.
    input logic [MultiplierWidth-1:0] other_identity_multiplier_i,
    /// Free.
    input logic [5:0]                 other_identity_shift_i,
    /// Free.
    input logic [31:0]                other_zero_point_i,
    /// Free.
    input logic [OutWidth-1:0]        other_lowest_i,
    /// Free.
    input logic [OutWidth-1:0]        other_highest_i
);
  (* anyconst *) logic [AccWidth-1:0]        main;
  (* anyconst *) logic [MultiplierWidth-1:0] main_multiplier;
  (* anyconst *) logic [5:0]                 main_shift;
  (* anyconst *) logic [AccWidth-1:0]        identity;
  (* anyconst *) logic [MultiplierWidth-1:0] identity_multiplier;
  (* anyconst *) logic [5:0]                 identity_shift;
  (* anyconst *) logic [31:0]                zero_point;
  (* anyconst *) logic [OutWidth-1:0]        lowest;
  (* anyconst *) logic [OutWidth-1:0]        highest;
  always @* begin
    m_shift: assume (main_shift <= 6'd62 && identity_shift <= 6'd62);
    m_bounds: assume ($signed(lowest) <= $signed(highest));
  end

  logic [2:0] cycle_q = 3'd0;
  always_ff @(posedge clk_i) if (cycle_q != 3'd7) cycle_q <= cycle_q + 3'd1;

  // Reset in cycle 0, another beat in 1, this one in 2, others from 3 on; its result stands in cycle 5.
  logic                here;
  logic                in_ready;
  logic                out_valid;
  logic [OutWidth-1:0] out_data;
  assign here = cycle_q == 3'd2;
  residual_adder #(
      .Rounding       (Rounding),
      .AccWidth       (AccWidth),
      .MultiplierWidth(MultiplierWidth),
      .OutWidth       (OutWidth)
  ) u_dut (
      .clk_i          (clk_i),
      .rst_ni         (cycle_q != 3'd0),
      .in_valid_i     (1'b1),
      .in_ready_o     (in_ready),
      .in_main_i(here ? main : other_main_i),
      .in_main_multiplier_i(here ? main_multiplier : other_main_multiplier_i),
      .in_main_shift_i(here ? main_shift : other_main_shift_i),
      .in_identity_i(here ? identity : other_identity_i),
      .in_identity_multiplier_i(here ? identity_multiplier : other_identity_multiplier_i),
      .in_identity_shift_i(here ? identity_shift : other_identity_shift_i),
      .in_zero_point_i(here ? zero_point : other_zero_point_i),
      .in_lowest_i    (here ? lowest : other_lowest_i),
      .in_highest_i   (here ? highest : other_highest_i),
      .out_valid_o    (out_valid),
      .out_ready_i    (1'b1),
      .out_data_o     (out_data)
  );

  localparam int unsigned ValueWidth   = (Rounding == 4) ? 32 : AccWidth;
  localparam int unsigned FullWidth    = ValueWidth + MultiplierWidth - 1;
  localparam int unsigned ProductWidth = (FullWidth < 32) ? 32 : FullWidth;
  logic [ValueWidth-1:0]   main_value, identity_value;
  logic [ProductWidth-1:0] main_product, main_rounded, identity_product, identity_rounded;
  logic signed [65:0]      sum;
  logic [OutWidth-1:0]     expected;
  if (Rounding == 4) begin : gen_saturating_shift
    saturating_shift #(.AccWidth(AccWidth)) u_main_shift (
        .acc_i  (main),
        .shift_i(main_shift),
        .value_o(main_value)
    );
    saturating_shift #(.AccWidth(AccWidth)) u_identity_shift (
        .acc_i  (identity),
        .shift_i(identity_shift),
        .value_o(identity_value)
    );
  end else begin : gen_value
    assign main_value = main;
    assign identity_value = identity;
  end
  assign main_product = ProductWidth'($signed(main_value)) * ProductWidth'($signed(main_multiplier));
  assign identity_product = ProductWidth'($signed(identity_value)) * ProductWidth'($signed(identity_multiplier));
  dyadic_round_nudge #(.Rounding(Rounding), .ProductWidth(ProductWidth)) u_main_round (
      .product_i(main_product),
      .shift_i  (main_shift),
      .rounded_o(main_rounded)
  );
  dyadic_round_nudge #(.Rounding(Rounding), .ProductWidth(ProductWidth)) u_identity_round (
      .product_i(identity_product),
      .shift_i  (identity_shift),
      .rounded_o(identity_rounded)
  );
  assign sum = 66'($signed(main_rounded)) + 66'($signed(identity_rounded)) + 66'($signed(zero_point));
  // No product of 32 bits and a multiplier above -2^31 is beyond 2^62 - 2^31 in magnitude, so no quotient is (see residual_sum_rule).
  localparam logic signed [65:0] Most = 66'sd4611686016279904256;
  logic signed [65:0] main_wide, identity_wide;
  assign main_wide = 66'($signed(main_rounded));
  assign identity_wide = 66'($signed(identity_rounded));
  always @* m_magnitude: assume (main_wide <= Most && main_wide >= -Most && identity_wide <= Most && identity_wide >= -Most);
  always @* begin
    expected = sum[OutWidth-1:0];
    if (sum >= 66'($signed(highest))) expected = highest;
    if (sum <= 66'($signed(lowest))) expected = lowest;
  end

  always_ff @(posedge clk_i) begin
    if (cycle_q == 3'd5) a_function: assert (in_ready && out_valid && out_data == expected);
    c_result: cover (cycle_q == 3'd5 && out_valid && out_data != lowest && out_data != highest);
  end
endmodule
