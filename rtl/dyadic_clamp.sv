/// Adds a zero point and clamps: data_o = min(max(value_i + zero_point_i, lowest_i), highest_i). Combinational.
/// Page: docs/rtl/dyadic_clamp.md.
module dyadic_clamp #(
    /// Bits of the value, 2 to 64, two's complement. At 64 the sum value_i + zero_point_i must fit 64 bits.
    parameter int unsigned ValueWidth = 63,
    /// Bits of the bounds and of the result, 2 to 32, two's complement.
    parameter int unsigned OutWidth = 32
) (
    /// Value, signed.
    input  logic [ValueWidth-1:0] value_i,
    /// Zero point, signed.
    input  logic [31:0]           zero_point_i,
    /// Lower bound, signed; at most highest_i.
    input  logic [OutWidth-1:0]   lowest_i,
    /// Upper bound, signed.
    input  logic [OutWidth-1:0]   highest_i,
    /// Clamped sum, signed.
    output logic [OutWidth-1:0]   data_o
);
  if (ValueWidth < 2 || ValueWidth > 64 || OutWidth < 2 || OutWidth > 32) begin : gen_bad_width
    $error("ValueWidth is 2 to 64, OutWidth 2 to 32");
  end

  logic signed [63:0] sum;
  logic               below;
  logic               above;
  assign sum    = 64'($signed(value_i)) + 64'($signed(zero_point_i));
  assign below  = sum < 64'($signed(lowest_i));
  assign above  = sum > 64'($signed(highest_i));
  assign data_o = below ? lowest_i : (above ? highest_i : sum[OutWidth-1:0]);
endmodule
