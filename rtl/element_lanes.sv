/// Elementwise lanes: each takes one element a cycle and reduces the steps of a result: sum, maximum, or two operands kept apart.
/// The results of a group go to their place among the results of the tile, as the array's accumulators would stand there.
module element_lanes #(
    /// Lanes.
    parameter int unsigned Lanes = 16,
    /// Groups of results in a tile.
    parameter int unsigned Groups = 4,
    /// Bits of an entry of the memory that the slices come from.
    parameter int unsigned EntryBits = 2048,
    /// Bits of the number of a group.
    localparam int unsigned GroupBits = Groups > 1 ? $clog2(Groups) : 1
) (
    /// Clock.
    input  logic                         clk_i,
    /// Synchronous reset, active low.
    input  logic                         rst_ni,
    /// 0: sum, 1: maximum, 2: the first step is the main operand, the second the other one.
    input  logic [1:0]                   operation_i,
    /// Bits of an element: 0: 8, 1: 16, 2: 32.
    input  logic [1:0]                   element_bits_i,
    /// Elements are signed: those of the first step (bit 0), those of the others (bit 1).
    input  logic [1:0]                   element_signed_i,
    /// A slice is taken: the first of the entry below, or the next of the one before.
    input  logic                         in_valid_i,
    /// It is the first of an entry.
    input  logic                         in_entry_i,
    /// First step of a result.
    input  logic                         in_first_i,
    /// Last step of a result.
    input  logic                         in_last_i,
    /// The group of the results.
    input  logic [GroupBits-1:0]         in_group_i,
    /// The entry.
    input  logic [EntryBits-1:0]         in_data_i,
    /// After all slices of earlier cycles: the results are copied to the outputs (pulse).
    input  logic                         in_capture_i,
    /// The outputs are new (pulse), three cycles after in_capture_i.
    output logic                         out_valid_o,
    /// Results of the tile, lane l of group g at (g * Lanes + l) * 32.
    output logic [Groups*Lanes*32-1:0]   out_main_o,
    /// The other operands.
    output logic [Groups*Lanes*32-1:0]   out_other_o
);

  // The slices of an entry leave from the low end.
  logic [EntryBits-1:0]       entry_q;
  logic                       valid_q, first_q, last_q, element_valid_q, element_first_q, element_last_q;
  logic                       capture_q, element_capture_q;
  logic [GroupBits-1:0]       group_q, element_group_q;
  logic [Lanes*32-1:0]        element_q, sum_q;
  logic [Groups*Lanes*32-1:0] main_q, other_q;

  logic [Lanes*32-1:0] element_d, sum_d;

  wire is_signed = first_q ? element_signed_i[0] : element_signed_i[1];

  always_comb begin
    element_d = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      case (element_bits_i)
        2'd0: element_d[l*32+:32] = {{24{is_signed && entry_q[l*8+7]}}, entry_q[l*8+:8]};
        2'd1: element_d[l*32+:32] = {{16{is_signed && entry_q[l*16+15]}}, entry_q[l*16+:16]};
        default: element_d[l*32+:32] = entry_q[l*32+:32];
      endcase
    end
  end

  always_comb begin
    sum_d = sum_q;
    for (int unsigned l = 0; l < Lanes; l++) begin
      if (element_first_q) sum_d[l*32+:32] = element_q[l*32+:32];
      else if (operation_i == 2'd0) sum_d[l*32+:32] = sum_q[l*32+:32] + element_q[l*32+:32];
      else if (operation_i == 2'd1)
        sum_d[l*32+:32] = $signed(element_q[l*32+:32]) > $signed(sum_q[l*32+:32]) ? element_q[l*32+:32] : sum_q[l*32+:32];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q           <= 1'b0;
      element_valid_q   <= 1'b0;
      capture_q         <= 1'b0;
      element_capture_q <= 1'b0;
      out_valid_o       <= 1'b0;
    end else begin
      valid_q           <= in_valid_i;
      element_valid_q   <= valid_q;
      capture_q         <= in_capture_i;
      element_capture_q <= capture_q;
      out_valid_o       <= element_capture_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (in_valid_i) begin
      if (in_entry_i) entry_q <= in_data_i;
      else
        case (element_bits_i)
          2'd0: entry_q <= entry_q >> (Lanes * 8);
          2'd1: entry_q <= entry_q >> (Lanes * 16);
          default: entry_q <= entry_q >> (Lanes * 32);
        endcase
      first_q <= in_first_i;
      last_q  <= in_last_i;
      group_q <= in_group_i;
    end
    if (valid_q) begin
      element_q       <= element_d;
      element_first_q <= first_q;
      element_last_q  <= last_q;
      element_group_q <= group_q;
    end
    if (rst_ni && element_valid_q) begin
      sum_q <= sum_d;
      if (element_last_q) begin
        if (operation_i == 2'd2) other_q[element_group_q*Lanes*32+:Lanes*32] <= element_q;
        else main_q[element_group_q*Lanes*32+:Lanes*32] <= sum_d;
      end
      if (element_first_q && operation_i == 2'd2) main_q[element_group_q*Lanes*32+:Lanes*32] <= element_q;
    end
    if (rst_ni && element_capture_q) begin
      out_main_o  <= main_q;
      out_other_o <= other_q;
    end
  end

endmodule
