/// Issues the operands of an elementwise job (pooling, addition, rescaling): slices of as many elements as there are lanes, for each group of
/// results all steps (window positions or operands) in order. An entry of the memory holds several slices; it is read with its first.
module element_sequencer #(
    /// Bits of an entry's address.
    parameter int unsigned AddressBits = 6,
    /// Bits of the number of a group of results.
    parameter int unsigned GroupBits = 4
) (
    /// Clock.
    input  logic                   clk_i,
    /// Synchronous reset, active low.
    input  logic                   rst_ni,
    /// Groups of results in a tile, at least 1.
    input  logic [GroupBits:0]     groups_i,
    /// Operands of a result, at least 1.
    input  logic [31:0]            steps_i,
    /// Slices in an entry, at least 1.
    input  logic [15:0]            entry_slices_i,
    /// A job starts: its first slice is issued in the next cycle.
    input  logic                   start_i,
    /// First entry of its tile.
    input  logic [AddressBits-1:0] base_i,
    /// A slice is issued in this cycle.
    output logic                   issue_o,
    /// It is the first of an entry, which is read now.
    output logic                   read_o,
    /// The entry.
    output logic [AddressBits-1:0] entry_o,
    /// It is the first step of its group ...
    output logic                   first_o,
    /// ... or the last.
    output logic                   last_o,
    /// The group of results.
    output logic [GroupBits-1:0]   group_o,
    /// All slices of the job were issued, or the last is issued in this cycle.
    output logic                   issued_o
);

  logic                   issue_q;
  logic [AddressBits-1:0] entry_q;
  logic [15:0]            slice_q;
  logic [31:0]            step_q;
  logic [GroupBits:0]     group_q;

  wire last_slice = slice_q == entry_slices_i - 16'd1;
  wire last_group = group_q == groups_i - (GroupBits + 1)'(1);

  assign issue_o = issue_q;
  assign read_o = issue_q && slice_q == 16'd0;
  assign entry_o = entry_q;
  assign first_o = step_q == 32'd0;
  assign last_o = step_q == steps_i - 32'd1;
  assign group_o = group_q[GroupBits-1:0];
  assign issued_o = !issue_q || (last_o && last_group);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) issue_q <= 1'b0;
    else if (start_i) issue_q <= 1'b1;
    else if (last_o && last_group) issue_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      entry_q <= base_i;
      slice_q <= '0;
      step_q  <= '0;
      group_q <= '0;
    end else if (issue_q) begin
      slice_q <= last_slice ? '0 : slice_q + 16'd1;
      if (last_slice) entry_q <= entry_q + AddressBits'(1);
      step_q <= last_o ? '0 : step_q + 32'd1;
      if (last_o) group_q <= group_q + (GroupBits + 1)'(1);
    end
  end

`ifdef FORMAL
  `include "element_sequencer_props.svh"
`endif
`ifndef FORMAL
  // What the module relies on; proofs assume it.
  always_ff @(posedge clk_i) begin
    if (rst_ni) a_starts_when_issued: assert (!start_i || issued_o);
  end
`endif

`ifdef FORMAL
  `include "element_sequencer_props.svh"
`endif

endmodule
