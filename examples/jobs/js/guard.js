// Keeps an exception from ending the instance, and all that runs in it.

import logging from "taskhost:plugin/logging@0.1.1";

/// An exception becomes the error `internal` of this one call. `throw { tag, val }` stays what it is.
export const guarded =
  (run) =>
  async (...given) => {
    try {
      return await run(...given);
    } catch (error) {
      if (error?.tag) throw error;
      logging.log("error", String(error), [["stack", error?.stack ?? ""]]);
      throw { tag: "internal", val: String(error) };
    }
  };
