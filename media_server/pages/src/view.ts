// What is shown in the page's middle, one at a time.

export interface View {
  element: HTMLElement;
  /** Where the focus goes when the view is shown. */
  focus: HTMLElement;
  end: () => void;
}
