/// \file The self-checking test bench; @NAME@ is filled in by vector_bench.cpp.
#pragma once

namespace dyad::workflow {

inline constexpr const char* kBenchTemplate = R"sv(// Self-checking test bench of @MODULE@: @OPERATION@.
// Written by dyad @VERSION@ (seed @SEED@): @RESULTS@ results, expected values by the scalar definition. Page: docs/workflow/vectors.md.
// Run it in this folder (or anywhere, with +vectors=FOLDER), FILES being the module's sources:
//   $ verilator --binary --timing -Wno-fatal --top-module @MODULE@_tb @MODULE@_tb.sv FILES && obj_dir/V@MODULE@_tb
//   $ iverilog -g2012 -s @MODULE@_tb -o @MODULE@_tb.vvp @MODULE@_tb.sv FILES && vvp @MODULE@_tb.vvp
// Prints PASS and ends with status 0, or prints the first 10 mismatches and ends with another status.
`timescale 1ns / 1ps

module @MODULE@_tb;
  localparam Beats   = @BEATS@;
  localparam Results = @RESULTS@;

  reg         clk   = 1'b0;
  reg         rst_n = 1'b0;
  reg         in_valid  = 1'b0;
  reg         out_ready = 1'b0;
  wire        in_ready, out_valid;
  wire @OUT_SIGN@[@OUT_BITS@-1:0] out_data;

  reg [@WORD_BITS@-1:0] stimulus [0:Beats-1];
  reg [31:0] expected [0:Results-1];
  reg [@WORD_BITS@-1:0] word = 0;
@FIELDS@@READY@
  @MODULE@@PARAMETERS@ u_dut (@CONNECTIONS@
  );

  always #5 clk = ~clk;

  reg [8*512-1:0] folder, file;
  initial begin
    if (!$value$plusargs("vectors=%s", folder)) folder = ".";
    $sformat(file, "%0s/@MODULE@_stimulus.memh", folder);
    $readmemh(file, stimulus);
    $sformat(file, "%0s/@MODULE@_expected.memh", folder);
    $readmemh(file, expected);
    if (^stimulus[Beats-1] === 1'bx || ^expected[Results-1] === 1'bx) begin
      $display("FAIL: the vectors could not be read from %0s (see +vectors)", folder);
      $fatal(1);
    end
  end

  integer beats = 0, results = 0, mismatches = 0, idle = 0, resetting = 0;

  // Full speed for a third of the beats, then stalls on both sides, then a slow sink.
  reg [15:0] noise = 16'hace1;
  wire full_speed = 3 * beats < Beats;
  wire slow_sink  = 3 * beats > 2 * Beats;
  wire sink_ready = !@MAY_STALL@ || full_speed || (slow_sink ? noise[4:3] == 2'b00 : noise[3]);
  wire source_valid = full_speed || slow_sink || noise[0];

  reg stalled = 1'b0;
  reg [@OUT_BITS@-1:0] held = 0;

  task count_mismatch;
    begin
      mismatches = mismatches + 1;
      if (mismatches == 10) finish_with_failure;
    end
  endtask

  task finish_with_failure;
    begin
      $display("FAIL: %0d mismatches in %0d of %0d results", mismatches, results, Results);
      $fatal(1);
    end
  endtask

  always @(posedge clk) begin
    noise <= {noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]};
    if (resetting < 4) begin
      resetting <= resetting + 1;
      rst_n <= resetting == 3;
    end else if (rst_n) begin
      // A beat is taken when valid and ready meet; data holds until then.
      if (!in_valid || in_ready) begin
        if (beats < Beats && source_valid) begin
          in_valid <= 1'b1;
          word <= stimulus[beats];
          beats <= beats + 1;
        end else in_valid <= 1'b0;
      end
      out_ready <= sink_ready;
      idle <= out_valid && out_ready ? 0 : idle + 1;
      if (out_valid === 1'bx || in_ready === 1'bx) begin
        $display("cycle %0t: a handshake signal is unknown", $time);
        mismatches = mismatches + 1;
        finish_with_failure;
      end
      if (stalled && !(out_valid && out_data === held)) begin
        $display("result %0d: changed or withdrawn while it was not taken", results);
        count_mismatch;
      end
      stalled <= out_valid && !out_ready;
      held <= out_data;
      if (out_valid && out_ready) begin
        if (results == Results) begin
          $display("a result too many: %0d", out_data);
          count_mismatch;
        end else begin
          if (out_data !== expected[results][@OUT_BITS@-1:0]) begin
            $display("result %0d: got %0d, expected %0d", results, out_data, $signed(expected[results]));@SHOW@
            count_mismatch;
          end
          results = results + 1;
        end
      end
      if (idle > 10000) begin
        $display("no result for 10000 cycles");
        mismatches = mismatches + 1;
        finish_with_failure;
      end
      // A few cycles more, for results that nobody asked for.
      if (results == Results && idle > 64) begin
        if (mismatches > 0) finish_with_failure;
        else begin
          $display("PASS: %0d results", Results);
          $finish;
        end
      end
    end
  end
endmodule
)sv";

}  // namespace dyad::workflow
