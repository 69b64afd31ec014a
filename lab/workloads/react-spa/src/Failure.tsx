interface Props {
  why: string;
  retry: () => void;
}

export function Failure({ why, retry }: Props) {
  return (
    <section className="notice" role="alert">
      <svg className="line-drawing" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M3 3l18 18M9 15.5a5 5 0 016 0M5.5 12a10 10 0 014-2.3M14 9.6a10 10 0 014.5 2.4M2.5 8.5A14.5 14.5 0 016 6.3M11 5a14.5 14.5 0 0110.5 3.5M12 19h.01" />
      </svg>
      <h2>The courses could not be loaded</h2>
      <p>{why} Please try again in a moment.</p>
      <button type="button" className="button" onClick={retry}>
        Try again
      </button>
    </section>
  );
}
