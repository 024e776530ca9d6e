/// saturating_shift against its definition: the exact product by a power of two if 32 bits hold it, else the nearer end of the range.
module saturating_shift_rule #(
    /// As saturating_shift.
    parameter int unsigned AccWidth = 32
) (
    /// Free.
    input logic [AccWidth-1:0] acc_i,
    /// Free up to 62.
    input logic [5:0]          shift_i
);
  logic [31:0] value;
  saturating_shift #(.AccWidth(AccWidth)) u_dut (
      .acc_i  (acc_i),
      .shift_i(shift_i),
      .value_o(value)
  );
  logic signed [95:0] exact;
  assign exact = 96'($signed(acc_i)) <<< ((shift_i < 6'd31) ? 6'd31 - shift_i : 6'd0);
  always @* begin
    assume (shift_i <= 6'd62);
    if (exact > 96'sd2147483647) a_high: assert (value == 32'h7fffffff);
    else if (exact < -96'sd2147483648) a_low: assert (value == 32'h80000000);
    else a_exact: assert (96'($signed(value)) == exact);
  end
endmodule
