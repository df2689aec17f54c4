import { useEffect, useState } from 'react';

/** What a user types is sent or checked once the typing stops for this long, milliseconds. */
export const TYPING_PAUSE_MS = 400;

/** The text, once it has stopped changing for a moment. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
