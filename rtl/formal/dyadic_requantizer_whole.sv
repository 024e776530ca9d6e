/// The whole requantizer as one function: a beat with any operands, between beats with any others, comes out three cycles later as its
/// definition says. The definition is stated anew: the product, a rounder that adds a nudge and shifts, the median of three.
/// Stalls are the matter of dyadic_requantizer_props.svh.
module dyadic_requantizer_whole #(
    /// As dyadic_requantizer.
    parameter int unsigned Rounding = 0,
    /// As dyadic_requantizer.
    parameter int unsigned AccWidth = 32,
    /// As dyadic_requantizer.
    parameter int unsigned MultiplierWidth = 32,
    /// As dyadic_requantizer.
    parameter int unsigned OutWidth = 32
) (
    /// Clock.
    input logic                       clk_i,
    /// Operands of the other beats: free.
    input logic [AccWidth-1:0]        other_acc_i,
    /// Free.
    input logic [MultiplierWidth-1:0] other_multiplier_i,
    /// Free.
    input logic [5:0]                 other_shift_i,
    /// Free.
    input logic [31:0]                other_zero_point_i,
    /// Free.
    input logic [OutWidth-1:0]        other_lowest_i,
    /// Free.
    input logic [OutWidth-1:0]        other_highest_i
);
  (* anyconst *) logic [AccWidth-1:0]        acc;
  (* anyconst *) logic [MultiplierWidth-1:0] multiplier;
  (* anyconst *) logic [5:0]                 shift;
  (* anyconst *) logic [31:0]                zero_point;
  (* anyconst *) logic [OutWidth-1:0]        lowest;
  (* anyconst *) logic [OutWidth-1:0]        highest;
  always @* begin
    m_shift: assume (shift <= 6'd62);
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
  dyadic_requantizer #(
      .Rounding       (Rounding),
      .AccWidth       (AccWidth),
      .MultiplierWidth(MultiplierWidth),
      .OutWidth       (OutWidth)
  ) u_dut (
      .clk_i          (clk_i),
      .rst_ni         (cycle_q != 3'd0),
      .in_valid_i     (1'b1),
      .in_ready_o     (in_ready),
      .in_acc_i       (here ? acc : other_acc_i),
      .in_multiplier_i(here ? multiplier : other_multiplier_i),
      .in_shift_i     (here ? shift : other_shift_i),
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
  logic [ValueWidth-1:0]   value;
  logic [ProductWidth-1:0] product, rounded;
  logic signed [64:0]      sum;
  logic [OutWidth-1:0]     expected;
  if (Rounding == 4) begin : gen_saturating_shift
    saturating_shift #(.AccWidth(AccWidth)) u_shift (
        .acc_i  (acc),
        .shift_i(shift),
        .value_o(value)
    );
  end else begin : gen_value
    assign value = acc;
  end
  assign product = ProductWidth'($signed(value)) * ProductWidth'($signed(multiplier));
  dyadic_round_nudge #(
      .Rounding    (Rounding),
      .ProductWidth(ProductWidth)
  ) u_round (
      .product_i(product),
      .shift_i  (shift),
      .rounded_o(rounded)
  );
  assign sum = 65'($signed(rounded)) + 65'($signed(zero_point));
  always @* begin
    expected = sum[OutWidth-1:0];
    if (sum >= 65'($signed(highest))) expected = highest;
    if (sum <= 65'($signed(lowest))) expected = lowest;
  end

  always_ff @(posedge clk_i) begin
    if (cycle_q == 3'd5) a_function: assert (in_ready && out_valid && out_data == expected);
    c_result: cover (cycle_q == 3'd5 && out_valid && out_data != lowest && out_data != highest);
  end
endmodule
