"""Start the kernel: `python -m bec_kernel.jupyter -f CONNECTION_FILE`."""

from ipykernel.kernelapp import IPKernelApp

from bec_kernel.jupyter.kernel import BecKernel

if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=BecKernel)
