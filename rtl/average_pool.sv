/// Averages windows of a stream: one element a cycle, one result a window, 4 cycles after the window's last element.
/// y = clamp(round(sum of the elements / count), lowest, highest): kAveragePool of base/include/dyad/base/integer_layer.hpp.
/// Page: docs/rtl/average_pool.md.
module average_pool #(
    /// 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned Rounding = 0,
    /// Bits of an element, 2 to 32, two's complement.
    parameter int unsigned DataWidth = 32,
    /// Bits of the bounds and of the result, 2 to 32, two's complement.
    parameter int unsigned OutWidth = 32
) (
    /// Clock.
    input  logic                 clk_i,
    /// Synchronous reset, active low: also forgets the elements of an unfinished window.
    input  logic                 rst_ni,
    /// An element is offered.
    input  logic                 in_valid_i,
    /// The element is taken.
    output logic                 in_ready_o,
    /// The element begins a window.
    input  logic                 in_first_i,
    /// The element ends a window (a window of one element is first and last); the inputs below are read with it.
    input  logic                 in_last_i,
    /// Element, signed.
    input  logic [DataWidth-1:0] in_data_i,
    /// Reciprocal of the window's count, times 2^in_shift_i, rounded up; unsigned.
    input  logic [31:0]          in_multiplier_i,
    /// Exponent of the reciprocal, 31 to 62.
    input  logic [5:0]           in_shift_i,
    /// As of average_divider.
    input  logic [15:0]          in_offset_i,
    /// As of average_divider.
    input  logic [15:0]          in_negative_offset_i,
    /// Smallest result, signed; at most in_highest_i.
    input  logic [OutWidth-1:0]  in_lowest_i,
    /// Largest result, signed.
    input  logic [OutWidth-1:0]  in_highest_i,
    /// A result is offered.
    output logic                 out_valid_o,
    /// The result is taken.
    input  logic                 out_ready_i,
    /// Result, signed.
    output logic [OutWidth-1:0]  out_data_o
);
  if (DataWidth < 2 || DataWidth > 32) begin : gen_bad_width
    $error("DataWidth is 2 to 32");
  end

  // The sum of a window; complete_q says that all its elements are in, and then it waits for the divider.
  logic                complete_q, divider_ready;
  logic [31:0]         sum_q;
  logic [31:0]         multiplier_q;
  logic [5:0]          shift_q;
  logic [15:0]         offset_q, negative_offset_q;
  logic [OutWidth-1:0] lowest_q, highest_q;

  assign in_ready_o = ~complete_q | divider_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      complete_q <= 1'b0;
    end else if (in_ready_o) begin
      complete_q <= in_valid_i & in_last_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (in_valid_i && in_ready_o) begin
      sum_q             <= (in_first_i ? 32'd0 : sum_q) + 32'($signed(in_data_i));
      multiplier_q      <= in_multiplier_i;
      shift_q           <= in_shift_i;
      offset_q          <= in_offset_i;
      negative_offset_q <= in_negative_offset_i;
      lowest_q          <= in_lowest_i;
      highest_q         <= in_highest_i;
    end
  end

  average_divider #(
      .Rounding(Rounding),
      .OutWidth(OutWidth)
  ) u_divider (
      .clk_i               (clk_i),
      .rst_ni              (rst_ni),
      .in_valid_i          (complete_q),
      .in_ready_o          (divider_ready),
      .in_sum_i            (sum_q),
      .in_multiplier_i     (multiplier_q),
      .in_shift_i          (shift_q),
      .in_offset_i         (offset_q),
      .in_negative_offset_i(negative_offset_q),
      .in_lowest_i         (lowest_q),
      .in_highest_i        (highest_q),
      .out_valid_o         (out_valid_o),
      .out_ready_i         (out_ready_i),
      .out_data_o          (out_data_o)
  );

`ifdef FORMAL_WINDOWS
  `include "average_pool_props.svh"
`endif
endmodule
